import { join } from "node:path";
import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { env, maxAttempts } from "../config";
import { errorRecord, isFinal } from "../errors";
import { inGroups, type Result } from "../groups";
import { fileStem } from "../identity";
import { log } from "../log";
import type { Manifest } from "../manifest-schema";
import type { FailedB, HandedOver, ProcessedB, StageBState } from "../messages";
import { deleteFiles, openStage, putFile } from "../objects";
import { requireDataset } from "../store/datasets";
import { withEngine, type Engine } from "../transform/engine";
import { csvToParquet } from "../transform/heavy";
import { withWorkspace } from "../transform/workspace";

/** How many objects at the same time. */
const CONCURRENCY = 8;

/** Together larger than this (bytes of raw objects), they are processed one after the other. */
const LARGE = 64 * 1024 ** 2;

/** First wait before another try (ms); it doubles. */
const WAIT = 200;

/** Stage B's work: the CSV of every object becomes Parquet files below the table's folder. */
export async function processData(state: StageBState): Promise<StageBState> {
  const { manifest } = await requireDataset(state.team, state.dataset);
  const results = await withWorkspace((directory) =>
    withEngine(directory, (engine) => processAll(engine, state.items, manifest)),
  );
  // Only cleaning up throws: then the whole state has to run again, which does no harm.
  for (const result of results) if ("error" in result) throw result.error;
  const processed = results.flatMap((result) => ("value" in result && "files" in result.value ? [result.value] : []));
  const failed = results.flatMap((result) => ("value" in result && "error" in result.value ? [result.value] : []));
  const job = { status: "SUCCEEDED", id: state.batchId } as const;
  return { ...state, job, processed, failed, failedCount: failed.length };
}

function processAll(
  engine: Engine,
  items: HandedOver[],
  manifest: Manifest,
): Promise<Result<HandedOver, ProcessedB | FailedB>[]> {
  const bytes = items.reduce((sum, { size }) => sum + size, 0);
  const concurrency = bytes > LARGE ? 1 : CONCURRENCY;
  return inGroups(items, { group: ({ keyId }) => keyId, concurrency }, (item) => withRetries(engine, item, manifest));
}

async function withRetries(engine: Engine, item: HandedOver, manifest: Manifest): Promise<ProcessedB | FailedB> {
  const uploaded = new Set<string>();
  for (let attempt = 1; ; attempt++) {
    try {
      return { ...(await processOne(engine, item, manifest, uploaded)), attempt };
    } catch (error) {
      const last = isFinal(error) || attempt >= maxAttempts();
      log.warn("object failed", { key: item.key, attempt, last, error: error as Error });
      if (!last) {
        await sleep(WAIT * 2 ** attempt);
        continue;
      }
      // Half of an object must not stand in the table.
      await deleteFiles(env("STAGE_BUCKET"), [...uploaded]);
      return { item, error: errorRecord(error), attempt };
    }
  }
}

async function processOne(
  engine: Engine,
  item: HandedOver,
  manifest: Manifest,
  uploaded: Set<string>,
): Promise<Omit<ProcessedB, "attempt">> {
  return withWorkspace(async (directory) => {
    const csv = join(directory, "records.csv");
    await pipeline(await openStage(env("STAGE_BUCKET"), item.preKey), createWriteStream(csv));
    const { rows, files, warnings } = await csvToParquet(engine, csv, directory, manifest);
    if (warnings.length > 0) log.warn("expectations", { key: item.key, warnings });
    const keys = files.map(({ folder }) => `post/${item.team}/${item.dataset}/${folder}${fileStem(item)}.parquet`);
    for (const [index, key] of keys.entries()) {
      uploaded.add(key);
      await putFile(env("STAGE_BUCKET"), key, files[index]?.file as string, "application/vnd.apache.parquet");
    }
    return { item, files: keys, partitions: files.map(({ values }) => values), rows };
  }, engine.directory);
}
