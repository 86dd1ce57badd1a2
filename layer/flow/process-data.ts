import { join } from "node:path";
import { createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { env, maxAttempts } from "../config";
import { requireRoom } from "../engines/capacity";
import { errorRecord, isFinal } from "../errors";
import { inGroups, type Result } from "../groups";
import { fileStem, quarantineKey } from "../identity";
import { log } from "../log";
import type { Manifest } from "../manifest-schema";
import type { FailedB, HandedOver, ProcessedB, StageBState } from "../messages";
import { deleteFiles, putFile } from "../objects";
import { openPre } from "../pre-files";
import { requireDataset } from "../store/datasets";
import { withEngine, type Engine } from "../transform/engine";
import { ExpectationsFailed } from "../transform/expectations";
import { csvToParquet, type Transformed } from "../transform/heavy";
import { withWorkspace } from "../transform/workspace";
import { withdrawFailed } from "./withdraw";

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
  await withdrawFailed(processed);
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
      return {
        item,
        error: errorRecord(error),
        attempt,
        ...(error instanceof ExpectationsFailed && { checked: error.checked }),
      };
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
    await requireRoom(item.preBytes ?? item.size, directory);
    await pipeline(await openPre(item), createWriteStream(csv));
    const made = await csvToParquet(engine, csv, directory, manifest, new Date(item.eventTime));
    if (made.warnings.length > 0) log.warn("expectations", { key: item.key, warnings: made.warnings });
    const { rows, broken } = made;
    const written = await put(item, made, uploaded);
    return { item, ...written, partitions: made.files.map(({ values }) => values), rows, broken };
  }, engine.directory);
}

/** Puts the object's files, and what of it goes into quarantine, under names that are the same in every try. */
async function put(
  item: HandedOver,
  { files, quarantine, quarantined }: Transformed,
  uploaded: Set<string>,
): Promise<Pick<ProcessedB, "files" | "bytes" | "quarantined">> {
  const putParquet = async (key: string, file: string) => {
    uploaded.add(key);
    await putFile(env("STAGE_BUCKET"), key, file, "application/vnd.apache.parquet");
    return (await stat(file)).size;
  };
  const keys: string[] = [];
  let bytes = 0;
  for (const { folder, file } of files) {
    const key = `post/${item.team}/${item.dataset}/${folder}${fileStem(item)}.parquet`;
    bytes += await putParquet(key, file);
    keys.push(key);
  }
  if (quarantine === undefined) return { files: keys, bytes };
  const key = quarantineKey(item);
  await putParquet(key, quarantine);
  return { files: keys, bytes, quarantined: { key, rows: quarantined } };
}
