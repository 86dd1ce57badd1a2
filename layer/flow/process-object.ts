import { join } from "node:path";
import { noRoom, requireRoomFor } from "../engines/capacity";
import { errorRecord, isFinal, Rejection } from "../errors";
import type { Result } from "../groups";
import { log } from "../log";
import { sizeInBytes } from "../manifest-schema";
import type { FailedA, ProcessedA, StageAItem, StageAState } from "../messages";
import { openRaw, Replaced } from "../objects";
import { PreFiles } from "../pre-files";
import { requireDataset } from "../store/datasets";
import { itemName } from "../store/metadata";
import { withEngine, type Engine } from "../transform/engine";
import { recordsToCsv } from "../transform/light";
import { stage } from "../transform/staging";
import { withWorkspace } from "../transform/workspace";
import { withRoom } from "./alone";
import { recordSeen, type Seen } from "./schemas-seen";

/** How many objects at the same time: waiting for S3 is what takes long. */
const CONCURRENCY = 10;

/** Together larger than this (bytes), objects are processed one after the other: memory and /tmp are limited. */
const LARGE = 64 * 1024 ** 2;

/** Stage A's work: the records of every object become CSV in the stage bucket. */
export async function processObjects(state: StageAState): Promise<StageAState> {
  const todo = state.items.filter((item) => !item.done && !item.recorded);
  const results = todo.length === 0 ? [] : await processAll(todo);
  const failed = [...results.flatMap(failure), ...state.items.flatMap(recordedFailure)];
  const again = state.items.flatMap((item): ProcessedA[] => (item.done ? [{ item, ...item.done }] : []));
  const processed = [...results.flatMap((result) => ("value" in result ? [result.value] : [])), ...again];
  return { ...state, processed, failed, failedCount: failed.length };
}

async function processAll(items: StageAItem[]): Promise<Result<StageAItem, ProcessedA>[]> {
  const bytes = items.reduce((sum, { ref }) => sum + ref.size, 0);
  const concurrency = bytes > LARGE ? 1 : CONCURRENCY;
  const call: Call = { seen: [], files: new PreFiles() };
  const results = await withWorkspace((directory) =>
    withEngine(directory, (engine) =>
      withRoom(items, { group: ({ ref }) => ref.group, concurrency }, (item) => processOne(engine, item, call)),
    ),
  );
  const placed = await placeKept(results, call.files);
  await recordSeen(call.seen);
  return placed;
}

/** What the objects of one call have in common. */
interface Call {
  /** Schemas that were seen. */
  seen: Seen[];
  files: PreFiles;
}

/** Puts the file that small objects share; while it cannot be put, all of them are still to be done. */
async function placeKept(
  results: Result<StageAItem, ProcessedA>[],
  files: PreFiles,
): Promise<Result<StageAItem, ProcessedA>[]> {
  const isKept = (result: Result<StageAItem, ProcessedA>) =>
    "value" in result && result.value.preKey === "" && result.value.supersededBy === undefined;
  try {
    const places = await files.putKept();
    return results.map((result) =>
      "value" in result ? { ...result, value: { ...result.value, ...places.get(itemName(result.item.ref)) } } : result,
    );
  } catch (error) {
    const final = isFinal(error);
    return results.map((result) => (isKept(result) ? { item: result.item, error, final } : result));
  }
}

async function processOne(engine: Engine, item: StageAItem, { seen, files }: Call): Promise<ProcessedA> {
  const { ref } = item;
  const { manifest } = await requireDataset(ref.team, ref.dataset);
  const limit = sizeInBytes(manifest.limits.objectSize);
  if (ref.size > limit) {
    throw new Rejection("ObjectTooLarge", `${ref.size} bytes; the manifest allows ${limit} (limits.objectSize)`);
  }
  if (ref.size === 0) throw new Rejection("EmptyObject", "the object has 0 bytes");
  try {
    return await withWorkspace(async (directory) => {
      await requireRoomFor(ref.size, directory);
      const file = join(directory, "records");
      const csv = join(directory, "records.csv");
      const shape = await stage(await openRaw(ref), file, limit, manifest.input.format);
      const { rows: records, fields } = await recordsToCsv(engine, { file, shape }, csv, manifest);
      seen.push({ ref, fields });
      return { item, preKey: "", ...(await files.add(ref, csv)), rows: records };
    }, engine.directory);
  } catch (error) {
    if (error instanceof Replaced) return { item, preKey: "", rows: 0, supersededBy: `etag ${error.etag}` };
    throw (await noRoom(error, ref.size, engine.directory)) ?? error;
  }
}

function failure(result: Result<StageAItem, ProcessedA>): FailedA[] {
  if (!("error" in result)) return [];
  const { item, error, final } = result;
  log.warn("object failed", { key: item.ref.key, attempt: item.attempt, final, error: error as Error });
  return [{ item, error: errorRecord(error), final }];
}

function recordedFailure(item: StageAItem): FailedA[] {
  return item.recorded ? [{ item, error: item.recorded, final: true }] : [];
}
