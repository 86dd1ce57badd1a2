import { GetObjectCommand } from "@aws-sdk/client-s3";
import { PutCommand } from "@aws-sdk/lib-dynamodb";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { z } from "zod";
import {
  countsSchema,
  noCounts,
  type BackfillCounts,
  type BackfillRequest,
  type BackfillSummary,
  type FinishCall,
  type Written,
} from "../backfill-messages";
import { client } from "../clients";
import { env } from "../config";
import { log } from "../log";
import { recordEvent } from "../store/events";

/** Name of the note that says when a schedule's last complete run began. */
export const watermarkId = (team: string, dataset: string) => `backfill#${team}/${dataset}`;

/** Adds the results up, and records what was done. */
export async function finish({ results }: FinishCall, request: BackfillRequest): Promise<BackfillSummary> {
  const all = Array.isArray(results) ? results : "ResultWriterDetails" in results ? await written(results) : [results];
  const counts = noCounts();
  let failedBatches = 0;
  for (const result of all) {
    const parsed = countsSchema.safeParse(result);
    if (!parsed.success) failedBatches++;
    else for (const [name, count] of Object.entries(parsed.data)) counts[name as keyof BackfillCounts] += count;
  }
  const { run, team, dataset, startedAt, origin, dryRun } = request;
  const summary = { ...counts, run, dryRun, failedBatches };
  log.info("backfill", { ...summary, origin });
  if (dryRun) return summary;
  await recordEvent({ team, dataset, kind: "backfilled", detail: { ...summary, origin } });
  if (origin === "schedule" && failedBatches === 0) await remember(team, dataset, startedAt);
  return summary;
}

/** The next run of the schedule looks only at what was modified since. It is no more than a short cut: without it, it looks at all. */
async function remember(team: string, dataset: string, startedAt: string): Promise<void> {
  const Item = { id: watermarkId(team, dataset), startedAt };
  await (await client("dynamodb")).send(new PutCommand({ TableName: env("IDEMPOTENCY_TABLE"), Item }));
}

const manifestSchema = z.object({
  ResultFiles: z.record(z.string(), z.array(z.object({ Key: z.string() }))),
});

/** The results that a Map's writer left in its bucket: outputs of what succeeded, and one entry for each that did not. */
async function written({ ResultWriterDetails: { Bucket, Key } }: Written): Promise<unknown[]> {
  const manifest = manifestSchema.parse(JSON.parse(await read(Bucket, Key)));
  const found: unknown[] = [];
  for (const [outcome, files] of Object.entries(manifest.ResultFiles)) {
    for (const file of files) {
      const entries = entriesOf(await read(Bucket, file.Key));
      found.push(...entries.map((entry) => (outcome === "SUCCEEDED" ? outputOf(entry) : undefined)));
    }
  }
  return found;
}

async function read(Bucket: string, Key: string): Promise<string> {
  const { Body } = await (await client("s3")).send(new GetObjectCommand({ Bucket, Key }));
  return text(Body as Readable);
}

/** One JSON document, or one a line. */
function entriesOf(results: string): unknown[] {
  if (results.trimStart().startsWith("[")) return JSON.parse(results) as unknown[];
  return results
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => JSON.parse(line) as unknown);
}

/** A child's output, which stands alone or within what is told of the child. */
function outputOf(entry: unknown): unknown {
  const { Output } = (entry ?? {}) as { Output?: unknown };
  if (typeof Output !== "string") return entry;
  const value = JSON.parse(Output) as unknown;
  return value;
}
