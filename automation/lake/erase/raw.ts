import { PutObjectCommand, type GetObjectCommandOutput } from "@aws-sdk/client-s3";
import PQueue from "p-queue";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { withWorkspace } from "../../../layer/transform/workspace";
import type { Progress } from "../../events";
import type { Lake } from "../connect";
import { findRecords, type Found, type Search } from "./find";
import { eraseMessagesOf } from "./messages";
import { without } from "./records";
import { deleteVersions, read, versionsOf, type ObjectVersion } from "./versions";

/** An object version of which somebody has to decide. */
export interface Undecided {
  key: string;
  versionId: string;
  reason: string;
}

/** What was done in the raw zone, or would be. */
export interface RawReport {
  /** Object versions that were looked at. */
  scanned: number;
  /** Records in objects as they are now. */
  records: number;
  /** Objects that were written anew without these records. */
  rewritten: string[];
  /** Objects that held nothing else and could not be left empty. */
  deleted: string[];
  /** Versions that were deleted for ever: what was rewritten, and older ones that held such records. */
  versions: number;
  /** Messages about these objects in the control tables that were erased. */
  messages: number;
  undecided: Undecided[];
}

/** How an erasure goes. */
export interface EraseOptions {
  /** `team/dataset/` */
  folder: string;
  dryRun: boolean;
  /** Deletes object versions that cannot be read and may hold the values. */
  deleteUnreadable: boolean;
  directory: string;
  signal: AbortSignal;
  progress: Progress;
}

/** Object versions that are looked at at the same time. */
const CONCURRENCY = 4;

/** Looks through all versions of all raw objects, and takes the records out of those that hold them. */
export async function eraseRaw(lake: Lake, search: Search, options: EraseOptions): Promise<RawReport> {
  const report: RawReport = {
    ...{ scanned: 0, records: 0, rewritten: [], deleted: [], versions: 0, messages: 0 },
    undecided: [],
  };
  const queue = new PQueue({ concurrency: CONCURRENCY });
  const failures: unknown[] = [];
  for await (const version of versionsOf(lake, lake.outputs.rawBucket, options.folder)) {
    if (version.marker || version.size === 0) continue;
    options.signal.throwIfAborted();
    await queue.onSizeLessThan(CONCURRENCY * 2);
    if (failures.length > 0) break;
    void queue.add(() => eraseVersion(lake, search, options, version, report).catch((error) => failures.push(error)));
  }
  await queue.onIdle();
  if (failures.length > 0) throw failures[0];
  return report;
}

async function eraseVersion(
  lake: Lake,
  search: Search,
  options: EraseOptions,
  version: ObjectVersion,
  report: RawReport,
): Promise<void> {
  options.signal.throwIfAborted();
  await withWorkspace(async (directory) => {
    const object = await read(lake, lake.outputs.rawBucket, version.key, version.versionId);
    if (object === undefined) return;
    const found = await findRecords(search, object.Body, directory);
    report.scanned++;
    options.progress(`${report.scanned} object versions looked at`);
    if (found.kind === "undecided" && !options.deleteUnreadable) {
      report.undecided.push({ key: version.key, versionId: version.versionId, reason: found.reason });
    } else if (found.kind !== "clean") {
      await takeOut(lake, options, { version, found, object, directory }, report);
    }
  }, options.directory);
}

interface Holder {
  version: ObjectVersion;
  found: Exclude<Found, { kind: "clean" }>;
  object: GetObjectCommandOutput;
  directory: string;
}

async function takeOut(lake: Lake, options: EraseOptions, holder: Holder, report: RawReport): Promise<void> {
  const { version, found } = holder;
  report.versions++;
  // Before the object: an interrupted run finds the object again, and through it the messages.
  report.messages += await eraseMessagesOf(lake, version.key, options.dryRun);
  if (!version.latest || found.kind === "undecided") {
    if (version.latest) report.deleted.push(version.key);
    if (!options.dryRun) await deleteVersions(lake, lake.outputs.rawBucket, [version]);
    return;
  }
  const gone = found.ranges.reduce((sum, [from, to]) => sum + to - from, 0);
  report.records += gone;
  const emptied = gone === found.records.count && !found.records.mayBeEmpty;
  (emptied ? report.deleted : report.rewritten).push(version.key);
  if (options.dryRun) return;
  if (!emptied && !(await rewrite(lake, holder, found))) {
    const reason = "it was replaced meanwhile: run the same command again";
    report.undecided.push({ key: version.key, versionId: version.versionId, reason });
  }
  // Only now: before, it was all there was of the other records.
  await deleteVersions(lake, lake.outputs.rawBucket, [version]);
}

/** Puts the object without its records, if it is still what was looked at; the lake then processes it as any new version. */
async function rewrite(lake: Lake, { version, object, directory }: Holder, found: Found & { kind: "holds" }) {
  const { records, ranges } = found;
  const left = await records.write(without(ranges, records.count), join(directory, "left"));
  const plain = await readFile(left.file);
  const packed = await isGzip(lake, version);
  const Body = packed ? await promisify(gzip)(plain) : plain;
  const { ContentType, ContentEncoding, Metadata, ETag } = object;
  const sha256 = createHash("sha256").update(Body).digest("hex");
  const request = {
    ...{ Bucket: lake.outputs.rawBucket, Key: version.key, Body, ContentType, ContentEncoding, IfMatch: ETag },
    // What `ingest` knows a file by.
    Metadata: { ...Metadata, ...(Metadata?.sha256 !== undefined && { sha256 }) },
  };
  try {
    await lake.s3.send(new PutObjectCommand(request));
    return true;
  } catch (error) {
    if ((error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode === 412) return false;
    throw error;
  }
}

async function isGzip(lake: Lake, { key, versionId }: ObjectVersion): Promise<boolean> {
  const object = await read(lake, lake.outputs.rawBucket, key, versionId);
  const first = await object?.Body[Symbol.asyncIterator]().next();
  object?.Body.destroy();
  const bytes = Buffer.from((first?.value as Buffer | undefined) ?? []);
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}
