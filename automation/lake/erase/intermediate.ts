import { PutObjectCommand } from "@aws-sdk/client-s3";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Rejection } from "../../../layer/errors";
import { erasePart, isErased, partsOf } from "../../../layer/pre-files";
import { withWorkspace } from "../../../layer/transform/workspace";
import type { Lake } from "../connect";
import { nothing, type DerivedOptions, type DerivedReport } from "./derived";
import { csvMatches, textHolds, type Search } from "./find";
import { download, ifReplaced, keysOf, purge, type Downloaded } from "./versions";

/**
 * Takes out of Stage A's files what holds such records: once their objects have their outcome nobody needs it. A file of one
 * object is deleted; in a file that objects share only the parts of those that hold some are overwritten, because others may
 * still wait for Stage B.
 */
export async function eraseIntermediate(lake: Lake, search: Search, options: DerivedOptions): Promise<DerivedReport> {
  const report = nothing();
  for await (const key of keysOf(lake, lake.outputs.stageBucket, `pre/${options.folder}`)) {
    options.signal.throwIfAborted();
    const rows = await withWorkspace(
      (directory) => eraseFile(lake, { search, key, directory, dryRun: options.dryRun }),
      options.directory,
    );
    report.scanned++;
    if (rows === 0) continue;
    report.rows += rows;
    report.changed.push(key);
  }
  return report;
}

/** A file of Stage A that is looked at. */
interface Looked {
  search: Search;
  key: string;
  /** Where it is worked on. */
  directory: string;
  dryRun: boolean;
}

/** Answers how many rows there were. */
async function eraseFile(lake: Lake, looked: Looked): Promise<number> {
  const { search, key, directory, dryRun } = looked;
  const bucket = lake.outputs.stageBucket;
  const file = join(directory, "file.csv");
  const found = await download(lake, bucket, key, file);
  if (!found) return 0;
  const parts = partsOf(found.metadata, (await stat(file)).size);
  if (parts) return eraseParts(lake, looked, { found, parts, content: await readFile(file) });
  const rows = await rowsIn(search, file, directory);
  if (rows > 0 && !dryRun) await purge(lake, bucket, key, { wanted: (version) => version.key === key, dryRun: false });
  return rows;
}

/** A file that objects share. */
interface Shared {
  found: Downloaded;
  parts: NonNullable<ReturnType<typeof partsOf>>;
  content: Buffer;
}

async function eraseParts(
  lake: Lake,
  { search, key, directory, dryRun }: Looked,
  { found: { etag, metadata }, parts, content }: Shared,
): Promise<number> {
  let sum = 0;
  for (const [from, to] of parts) {
    const part = content.subarray(from, to);
    if (isErased(part)) continue;
    const file = join(directory, "part.csv");
    await writeFile(file, part);
    const rows = await withWorkspace((own) => rowsIn(search, file, own), directory);
    sum += rows;
    if (rows > 0) erasePart(content, [from, to]);
  }
  if (sum === 0 || dryRun) return sum;
  const request = { Bucket: lake.outputs.stageBucket, Key: key, Body: content, ContentType: "text/csv" };
  await lake.s3
    .send(new PutObjectCommand({ ...request, ContentLength: content.length, Metadata: metadata, IfMatch: etag }))
    .catch(ifReplaced);
  return sum;
}

async function rowsIn(search: Search, file: string, directory: string): Promise<number> {
  try {
    return await csvMatches(search, file, directory);
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    // Made with another manifest: it can be made again, so that the text decides.
    return (await textHolds(file, search.condition)) ? 1 : 0;
  }
}
