import {
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
} from "@aws-sdk/client-s3";
import { client } from "../clients";
import { env } from "../config";
import { CURRENT, type ObjectKey } from "../store/metadata";
import { pagesOf } from "../store/query";

/** A version of an object as the bucket's listing tells it. */
export interface RawVersion {
  key: string;
  /** Undefined in a bucket without versioning. */
  versionId?: string | undefined;
  /** Without quotes. */
  etag: string;
  /** Bytes. */
  size: number;
  lastModified: Date;
  /** What a reader without a version id gets. */
  latest: boolean;
}

/** What bucket and control tables know of a key. */
export interface KeyEntry {
  key: string;
  /** Oldest first. */
  raw: RawVersion[];
  known: ObjectKey[];
}

/**
 * Bucket and control tables side by side, key by key in the order of UTF-8 bytes: both are read as streams in that order, so
 * that nothing has to be held in memory however large the dataset is.
 *
 * @param after only keys behind this one
 */
export async function* keyEntries(team: string, dataset: string, after?: string): AsyncGenerator<KeyEntry> {
  const raw = byKey(rawVersions(`${team}/${dataset}/`, after));
  const known = byKey(knownVersions(team, dataset, after));
  let [left, right] = [await raw.next(), await known.next()];
  while (!left.done || !right.done) {
    const order = compareKeys(left.value?.[0]?.key, right.value?.[0]?.key);
    const key = (order <= 0 ? left.value?.[0]?.key : right.value?.[0]?.key) as string;
    yield {
      key,
      // S3 lists the newest first.
      raw: order <= 0 ? [...(left.value as RawVersion[])].reverse() : [],
      known: order >= 0 ? (right.value as ObjectKey[]) : [],
    };
    if (order <= 0) left = await raw.next();
    if (order >= 0) right = await known.next();
  }
}

/** In the order of S3 and DynamoDB, which is not that of JavaScript's strings; what is not there comes last. */
function compareKeys(one: string | undefined, other: string | undefined): number {
  if (one === undefined || other === undefined) return one === other ? 0 : one === undefined ? 1 : -1;
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

async function* byKey<T extends { key: string }>(stream: AsyncIterable<T>): AsyncGenerator<T[], undefined> {
  let group: T[] = [];
  for await (const one of stream) {
    if (group.length > 0 && group[0]?.key !== one.key) {
      yield group;
      group = [];
    }
    group.push(one);
  }
  if (group.length > 0) yield group;
  return undefined;
}

async function* rawVersions(Prefix: string, after: string | undefined): AsyncGenerator<RawVersion> {
  let [KeyMarker, VersionIdMarker]: (string | undefined)[] = [after];
  for (let more = true; more;) {
    const request = new ListObjectVersionsCommand({ Bucket: env("RAW_BUCKET"), Prefix, KeyMarker, VersionIdMarker });
    const page: ListObjectVersionsCommandOutput = await (await client("s3")).send(request);
    for (const { Key = "", VersionId, ETag = "", Size = 0, LastModified, IsLatest } of page.Versions ?? []) {
      yield {
        ...{ key: Key, versionId: VersionId === "null" ? undefined : VersionId, etag: ETag.replaceAll('"', "") },
        ...{ size: Size, lastModified: LastModified ?? new Date(0), latest: IsLatest ?? false },
      };
    }
    [KeyMarker, VersionIdMarker] = [page.NextKeyMarker, page.NextVersionIdMarker];
    more = page.IsTruncated === true && KeyMarker !== undefined;
  }
}

async function* knownVersions(
  team: string,
  dataset: string,
  after: string | undefined,
): AsyncGenerator<ObjectKey & { key: string }> {
  const behind = after === undefined ? {} : { ":after": after };
  const pages = pagesOf({
    TableName: env("OBJECT_METADATA_TABLE"),
    IndexName: "byDataset",
    KeyConditionExpression: `#datasetId = :datasetId${after === undefined ? "" : " AND #key > :after"}`,
    ExpressionAttributeNames: { "#datasetId": "datasetId", ...(after === undefined ? {} : { "#key": "key" }) },
    ExpressionAttributeValues: { ":datasetId": `${team}/${dataset}`, ...behind },
  });
  for await (const page of pages) {
    const known = page as unknown as (ObjectKey & { key: string })[];
    yield* known.filter(({ version }) => version !== CURRENT);
  }
}

/** A file of the stage bucket. */
export interface StageFile {
  file: string;
  lastModified: Date;
}

/** Files below a prefix of the stage bucket, a page at a time, in the order of their keys. */
export async function* stageFiles(Prefix: string, after: string | undefined): AsyncGenerator<StageFile[]> {
  let token: string | undefined;
  do {
    const request = new ListObjectsV2Command({
      ...{ Bucket: env("STAGE_BUCKET"), Prefix, ContinuationToken: token },
      ...(token === undefined && after !== undefined && { StartAfter: after }),
    });
    const page = await (await client("s3")).send(request);
    yield (page.Contents ?? []).map(({ Key = "", LastModified }) => ({
      file: Key,
      lastModified: LastModified ?? new Date(0),
    }));
    token = page.NextContinuationToken;
  } while (token !== undefined);
}
