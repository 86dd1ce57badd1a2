import { HeadObjectCommand } from "@aws-sdk/client-s3";
import { GetCommand } from "@aws-sdk/lib-dynamodb";
import PQueue from "p-queue";
import { pagesOf } from "../../layer/store/query";
import { userError } from "../errors";
import type { Address } from "./address";
import type { Lake } from "./connect";
import { errorText, ofObject, toExecution, type Execution } from "./executions";
import { itemsOf, plainEtag, type ObjectItem } from "./objects";

/** A file or object on the way of an object version, and whether it is still there. */
export interface StoryFile {
  /** `s3://<bucket>/<key>` */
  url: string;
  exists: boolean;
  /** Of what is there. */
  bytes?: number;
  /** Where its bytes begin, in a file that objects share. */
  from?: number;
}

/** What a batch wrote; its item in the table artifacts. */
export interface StoryBatch {
  batchId: string;
  engine?: string;
  /** SHA-256 of the SQL. */
  sqlDigest?: string;
  objects?: number;
  rows?: number;
  bytes?: number;
  fileCount?: number;
}

/** What became of one version of an object. */
export interface StoryVersion {
  version: string;
  versionId?: string;
  /** True for the version whose rows are in the table. */
  current: boolean;
  status: string;
  /** Where it failed. */
  stage?: string;
  /** Code and message. */
  error?: string;
  receivedAt: string;
  updatedAt: string;
  /** Of the object. */
  bytes: number;
  etag: string;
  sequencer: string;
  attempts: number;
  redrives: number;
  rows?: number;
  /** The version whose rows are in the table instead. */
  supersededBy?: string;
  /** Versions whose rows this one replaced. */
  supersedes: string[];
  /** Rows that broke an expectation. */
  quarantined?: number;
  raw: StoryFile;
  pre?: StoryFile;
  post: StoryFile[];
  quarantine?: StoryFile;
  /** Oldest first. */
  tries: Execution[];
  batch?: StoryBatch;
  /** Of all tries, in USD. */
  cost: number;
  /** Of all tries. */
  milliseconds: number;
}

/** Something that happened to the object besides its tries. */
export interface StoryEvent {
  at: string;
  kind: string;
  detail: Record<string, unknown>;
}

/** Everything that is known about an object. */
export interface Story {
  bucket: string;
  key: string;
  keyId: string;
  team: string;
  dataset: string;
  /** Oldest first. */
  versions: StoryVersion[];
  /** Oldest first. */
  events: StoryEvent[];
  cost: number;
  milliseconds: number;
}

/** What the driver reads of an item of the object-metadata table. */
type Known = ObjectItem & Record<string, unknown>;

/** Requests to S3 at the same time. */
const concurrency = 16;

/**
 * One object's whole story.
 *
 * @throws TributaryError `UnknownObject` when the lake never heard of it
 */
export async function storyOf(lake: Lake, address: Address): Promise<Story> {
  const [items, history, events] = await Promise.all([
    itemsOf(lake, address.keyId) as Promise<Known[]>,
    ofObject(lake, address.keyId, {}),
    eventsOf(lake, address.keyId),
  ]);
  const current = items.find(({ version }) => version === "CURRENT");
  const known = items.filter(({ version }) => version !== "CURRENT").sort(bySequencer);
  const [first] = known;
  if (first === undefined) throw await unknown(lake, address);
  const tries = history.reverse();
  const queue = new PQueue({ concurrency });
  const versions = await Promise.all(
    known.map((item) => versionOf({ lake, queue, current, all: known }, item, triesOf(item, tries))),
  );
  return {
    bucket: textOf(first.bucket),
    key: textOf(first.key),
    keyId: address.keyId,
    team: textOf(first.team),
    dataset: textOf(first.dataset),
    versions,
    events,
    cost: sum(versions.map(({ cost }) => cost)),
    milliseconds: sum(versions.map(({ milliseconds }) => milliseconds)),
  };
}

interface Telling {
  lake: Lake;
  queue: PQueue;
  current: Known | undefined;
  all: Known[];
}

async function versionOf(telling: Telling, item: Known, tries: Execution[]): Promise<StoryVersion> {
  const { lake, queue, current, all } = telling;
  const { stageBucket } = lake.outputs;
  const look = (key: unknown) => queue.add(() => fileAt(lake, stageBucket, textOf(key)));
  const quarantined = item.quarantined as { key: string; rows: number } | undefined;
  const [raw, pre, post, quarantine, batch] = await Promise.all([
    queue.add(() => rawOf(lake, item)),
    queue.add(() => preOf(lake, item)),
    Promise.all(((item.postFiles ?? []) as string[]).map(look)),
    quarantined && look(quarantined.key),
    batchOf(lake, item.batchId),
  ]);
  const supersedes = all.filter(({ supersededBy }) => supersededBy === item.version).map(({ version }) => version);
  return {
    ...described(item),
    current: current?.current === item.version,
    supersedes,
    ...(quarantined && { quarantined: quarantined.rows }),
    ...{ raw, post, tries },
    ...(pre && { pre }),
    ...(quarantine && { quarantine }),
    ...(batch && { batch }),
    cost: sum(tries.map(({ cost = 0 }) => cost)),
    milliseconds: sum(tries.map(({ startedAt, endedAt }) => Date.parse(endedAt) - Date.parse(startedAt))),
  };
}

/** What the item itself tells. */
function described(item: Known) {
  const { version, versionId } = item;
  const error = errorText(item.error);
  const text = (name: string) => (textOf(item[name]) === "" ? {} : { [name]: textOf(item[name]) });
  return {
    version,
    ...(versionId === undefined ? {} : { versionId }),
    status: textOf(item.status),
    ...text("stage"),
    ...(error === undefined ? {} : { error }),
    ...{ receivedAt: textOf(item.receivedAt), updatedAt: textOf(item.updatedAt) },
    ...{ bytes: Number(item.size ?? 0), etag: textOf(item.etag), sequencer: textOf(item.sequencer) },
    ...{ attempts: Number(item.attempts ?? 0), redrives: Number(item.redrives ?? 0) },
    ...(typeof item.rows === "number" ? { rows: item.rows } : {}),
    ...text("supersededBy"),
  };
}

/** Versions sort by their sequencers as S3 compares them: as text, filled up with zeros on the right. */
function bySequencer(a: Known, b: Known): number {
  const [one, other] = [a, b].map(({ sequencer }) => textOf(sequencer).toUpperCase().padEnd(64, "0")) as [
    string,
    string,
  ];
  return one < other ? -1 : one > other ? 1 : 0;
}

function triesOf({ version }: Known, all: Record<string, unknown>[]): Execution[] {
  return all.filter((entry) => entry.version === version).map(toExecution);
}

/** The version's own bytes; where its id is not known, what is there now counts if it is the same. */
async function rawOf(lake: Lake, item: Known): Promise<StoryFile> {
  const [bucket, key] = [textOf(item.bucket), textOf(item.key)];
  const found = await head(lake, bucket, key, item.versionId);
  const same = found !== undefined && (item.versionId !== undefined || plainEtag(found.etag) === plainEtag(item.etag));
  return { url: `s3://${bucket}/${key}`, exists: same, ...(same ? { bytes: found.bytes } : {}) };
}

async function preOf(lake: Lake, { preKey, preStart: from, preBytes: bytes }: Known): Promise<StoryFile | undefined> {
  if (textOf(preKey) === "") return undefined;
  const file = await fileAt(lake, lake.outputs.stageBucket, textOf(preKey));
  return typeof from === "number" && file.exists ? { ...file, from, bytes: Number(bytes) } : file;
}

async function fileAt(lake: Lake, bucket: string, key: string): Promise<StoryFile> {
  const found = await head(lake, bucket, key);
  return { url: `s3://${bucket}/${key}`, exists: found !== undefined, ...(found ? { bytes: found.bytes } : {}) };
}

async function head(lake: Lake, Bucket: string, Key: string, VersionId?: string) {
  try {
    const { ContentLength = 0, ETag } = await lake.s3.send(new HeadObjectCommand({ Bucket, Key, VersionId }));
    return { bytes: ContentLength, etag: ETag };
  } catch (error) {
    const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
    // 405: the newest version is a delete marker. 400: no such version id.
    if (status === 404 || status === 405 || (status === 400 && VersionId !== undefined)) return undefined;
    throw error;
  }
}

async function batchOf(lake: Lake, batchId: unknown): Promise<StoryBatch | undefined> {
  if (typeof batchId !== "string") return undefined;
  const request = { TableName: lake.outputs.artifactsTable, Key: { batchId }, ConsistentRead: true };
  const { Item: item } = await lake.dynamodb.send(new GetCommand(request));
  if (item === undefined) return { batchId };
  const { engine, sqlDigest, objects, rows, bytes, fileCount } = item as unknown as StoryBatch;
  return JSON.parse(JSON.stringify({ batchId, engine, sqlDigest, objects, rows, bytes, fileCount })) as StoryBatch;
}

async function eventsOf(lake: Lake, keyId: string): Promise<StoryEvent[]> {
  const pages = pagesOf(
    {
      TableName: lake.outputs.eventsTable,
      IndexName: "byObject",
      KeyConditionExpression: "#id = :id",
      ExpressionAttributeNames: { "#id": "objectKeyId" },
      ExpressionAttributeValues: { ":id": keyId },
    },
    lake.dynamodb,
  );
  const events: StoryEvent[] = [];
  for await (const page of pages) {
    for (const { at, kind, detail } of page)
      events.push({ at: textOf(at), kind: textOf(kind), detail: (detail ?? {}) as Record<string, unknown> });
  }
  return events;
}

/** What to do differs for an object that is there and one that is not. */
async function unknown(lake: Lake, { key, keyId }: Address): Promise<Error> {
  if (key === undefined)
    return userError(
      "UnknownObject",
      `no object has the id ${keyId} that the file's name tells`,
      "name the object itself",
    );
  const { rawBucket } = lake.outputs;
  const there = await head(lake, rawBucket, key);
  const dataset = key.split("/").slice(0, 2).join("/");
  return there
    ? userError(
        "UnknownObject",
        `s3://${rawBucket}/${key} is in the bucket, and the lake never heard of it: its event was lost, or is on its way`,
        `tributary reconcile ${lake.env} ${dataset} --mend sends what has no outcome`,
      )
    : userError(
        "UnknownObject",
        `the lake never heard of s3://${rawBucket}/${key}, and it is not in the bucket`,
        "check its key",
      );
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function sum(values: number[]): number {
  // Costs are kept to a billionth of a dollar.
  return Math.round(values.reduce((total, value) => total + value, 0) * 1e9) / 1e9;
}
