import {
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  type GetObjectCommandOutput,
  type ListObjectVersionsCommandOutput,
} from "@aws-sdk/client-s3";
import { createWriteStream } from "node:fs";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { TributaryError } from "../../errors";
import type { Lake } from "../connect";

/** One version of an object in a bucket with versioning. */
export interface ObjectVersion {
  key: string;
  versionId: string;
  /** Bytes; 0 for a delete marker. */
  size: number;
  /** Whether it is what a plain request gets. */
  latest: boolean;
  /** It only says that the object was deleted. */
  marker: boolean;
}

/** All versions below a prefix, in the order of their keys. */
export async function* versionsOf(lake: Lake, Bucket: string, Prefix: string): AsyncGenerator<ObjectVersion> {
  let markers: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } | undefined = {};
  while (markers) {
    const page: ListObjectVersionsCommandOutput = await lake.s3.send(
      new ListObjectVersionsCommand({ Bucket, Prefix, ...markers }),
    );
    for (const { Key = "", VersionId = "null", Size = 0, IsLatest = false } of page.Versions ?? [])
      yield { key: Key, versionId: VersionId, size: Size, latest: IsLatest, marker: false };
    for (const { Key = "", VersionId = "null", IsLatest = false } of page.DeleteMarkers ?? [])
      yield { key: Key, versionId: VersionId, size: 0, latest: IsLatest, marker: true };
    markers = page.IsTruncated
      ? { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker }
      : undefined;
  }
}

/** Keys below a prefix. */
export async function* keysOf(lake: Lake, Bucket: string, Prefix: string): AsyncGenerator<string> {
  let ContinuationToken: string | undefined;
  do {
    const page = await lake.s3.send(new ListObjectsV2Command({ Bucket, Prefix, ContinuationToken }));
    for (const { Key } of page.Contents ?? []) if (Key !== undefined) yield Key;
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken !== undefined);
}

/**
 * Deletes versions for ever.
 *
 * @throws TributaryError `EraseFailed` when S3 refuses one
 */
export async function deleteVersions(
  lake: Lake,
  Bucket: string,
  versions: readonly Pick<ObjectVersion, "key" | "versionId">[],
): Promise<void> {
  for (let start = 0; start < versions.length; start += 1_000) {
    const Objects = versions
      .slice(start, start + 1_000)
      .map(({ key, versionId }) => ({ Key: key, VersionId: versionId }));
    const { Errors = [] } = await lake.s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }));
    if (Errors.length > 0) {
      const { Key, Code, Message } = Errors[0] ?? {};
      throw new TributaryError(
        `${Errors.length} object versions in ${Bucket} could not be deleted: ${Key}: ${Code}: ${Message}`,
        {
          code: "EraseFailed",
          source: "cloud",
          next: "you need s3:DeleteObjectVersion on the lake's buckets; then run the same command again",
        },
      );
    }
  }
}

/** Deletes what a filter chooses of the versions below a prefix; answers how many. */
export async function purge(
  lake: Lake,
  bucket: string,
  prefix: string,
  options: { wanted: (version: ObjectVersion) => boolean; dryRun: boolean },
): Promise<number> {
  let count = 0;
  let batch: ObjectVersion[] = [];
  for await (const version of versionsOf(lake, bucket, prefix)) {
    if (!options.wanted(version)) continue;
    count++;
    if (!options.dryRun) batch.push(version);
    if (batch.length < 1_000) continue;
    await deleteVersions(lake, bucket, batch);
    batch = [];
  }
  await deleteVersions(lake, bucket, batch);
  return count;
}

/** Reads one version, or what lies there now; undefined when it is gone. */
export async function read(
  lake: Lake,
  Bucket: string,
  Key: string,
  versionId?: string,
): Promise<(GetObjectCommandOutput & { Body: Readable }) | undefined> {
  const VersionId = versionId === "null" ? undefined : versionId;
  try {
    return (await lake.s3.send(new GetObjectCommand({ Bucket, Key, VersionId }))) as never;
  } catch (error) {
    if ((error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode === 404) return undefined;
    throw error;
  }
}

/** What was read into a file. */
export interface Downloaded {
  etag: string | undefined;
  metadata: Record<string, string> | undefined;
}

/** Reads what lies at a key into a file; undefined when it is gone. */
export async function download(lake: Lake, bucket: string, key: string, file: string): Promise<Downloaded | undefined> {
  const found = await read(lake, bucket, key);
  if (!found) return undefined;
  await pipeline(found.Body, createWriteStream(file));
  return { etag: found.ETag, metadata: found.Metadata };
}

/** The file was deleted or published anew since it was read. */
export function ifReplaced(error: { $metadata?: { httpStatusCode?: number } }): void {
  const status = error.$metadata?.httpStatusCode;
  if (status !== 412 && status !== 404) throw error;
}
