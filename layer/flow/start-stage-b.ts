import { StartExecutionCommand } from "@aws-sdk/client-sfn";
import type { SQSRecord } from "aws-lambda";
import { client } from "../clients";
import { env } from "../config";
import { FILES_PER_PARTITION } from "../engines/adopt";
import { chooseEngine, type EngineLimits } from "../engines/choose";
import { ATHENA_OBJECTS, type EngineName } from "../manifest/engine";
import type { Failures } from "../handlers";
import { batchIdOf } from "../identity";
import { log } from "../log";
import type { Manifest } from "../manifest-schema";
import { handoverSchema, type HandedOver, type Handover, type StageBState } from "../messages";
import { chunk, jsonBytes } from "../chunk";
import { requireDataset } from "../store/datasets";
import { mayMultiplyRows } from "./row-count";
import { itemName, transition } from "../store/metadata";
import { commit } from "../store/transactions";

/** Most objects of a batch: every state of an execution is paid, whatever it works on. */
const MOST_OBJECTS = 100;

/** Most bytes of a batch's state: an execution's state may have 256 KB, and some room is left. */
const MOST_BYTES = 180_000;

/** Bytes that one file takes in the state: its key and its partition's values. */
const FILE_BYTES = 450;

/**
 * Starts Stage B for the messages of one call: one execution a batch, named by its messages, so that starting it again
 * changes nothing. Objects that have their outcome already are left out.
 */
export async function startStageB(records: SQSRecord[]): Promise<Failures> {
  const failures: Failures = new Map();
  const datasets = new Map<string, { records: SQSRecord[]; items: HandedOver[] }>();
  for (const record of records) {
    const handover = read(record, failures);
    if (handover === undefined) continue;
    const id = `${handover.team}/${handover.dataset}`;
    const known = datasets.get(id) ?? { records: [], items: [] };
    datasets.set(id, { records: [...known.records, record], items: [...known.items, ...handover.items] });
  }
  for (const { records: its, items } of datasets.values()) {
    try {
      await startAll(its, items);
    } catch (error) {
      log.error("could not start Stage B", error as Error);
      for (const record of its) failures.set(record.messageId, error);
    }
  }
  return failures;
}

function read(record: SQSRecord, failures: Failures): Handover | undefined {
  try {
    return handoverSchema.parse(JSON.parse(record.body));
  } catch (error) {
    failures.set(record.messageId, error);
    return undefined;
  }
}

async function startAll(records: SQSRecord[], items: HandedOver[]): Promise<void> {
  const { team, dataset } = items[0] as HandedOver;
  const { manifest } = await requireDataset(team, dataset);
  const once = [...new Map(items.map((item) => [itemName(item), item])).values()];
  const messageIds = records.map((record) => record.messageId);
  const { format } = manifest.output;
  for (const [index, { engine, items: part }] of batchesOf(once, manifest, limits()).entries()) {
    const batchId = batchIdOf({ team, dataset }, messageIds, index);
    const open = await mark(part, batchId);
    if (open.length === 0) continue;
    await start({ team, dataset, batchId, engine, ...(format === "iceberg" && { format }), items: open });
  }
}

/** Up to which size `engine: auto` gives a batch to which engine. */
function limits(): EngineLimits {
  return { duckdb: Number(env("DUCKDB_LIMIT")), athena: Number(env("ATHENA_LIMIT")) };
}

/** What one execution works on, and who does its heavy transform. */
interface Batch {
  engine: EngineName;
  items: HandedOver[];
}

type SplitBy = Pick<Manifest, "limits" | "partitionBy" | "output" | "sql" | "dialects">;

/**
 * The batches of what has come, each with its engine. With `auto` the engine is chosen for as much as DuckDB or Glue would take
 * at once; only what is Athena's then is split further, for Athena works on few objects. It depends on nothing but what has
 * come, the manifest and the settings: not on what became of the objects, so that a batch is the same when its messages come again.
 */
export function batchesOf(
  items: HandedOver[],
  manifest: SplitBy & Pick<Manifest, "engine" | "expectations">,
  limits: EngineLimits,
): Batch[] {
  const { engine } = manifest;
  if (engine !== "auto") return split(items, manifest, engine).map((part) => ({ engine, items: part }));
  return split(items, manifest, "duckdb").flatMap((whole) => {
    const chosen = chooseEngine(manifest, whole, limits);
    const parts = chosen === "athena" ? split(whole, manifest, chosen) : [whole];
    return parts.map((part) => ({ engine: chosen, items: part }));
  });
}

/** Parts that fit into an execution's state, whatever files the engine will write. */
export function split(items: HandedOver[], manifest: SplitBy, engine: EngineName): HandedOver[][] {
  const athena = engine === "athena";
  const perPartition = athena ? FILES_PER_PARTITION : 1;
  const most = athena ? ATHENA_OBJECTS[manifest.output.format] : MOST_OBJECTS;
  const partitions = manifest.partitionBy.length > 0 ? manifest.limits.partitionsPerObject : 1;
  const multiplies = [manifest.sql, ...Object.values(manifest.dialects ?? {})].some(mayMultiplyRows);
  // A row is in one partition: a small object has few files, unless the SQL makes more rows of it.
  const files = ({ rows }: HandedOver) =>
    (multiplies ? partitions : Math.min(partitions, Math.max(1, rows))) * perPartition * FILE_BYTES;
  // Once as it came, and once more among the processed or failed ones.
  const bytes = (item: HandedOver) => 2 * jsonBytes(item) + Math.min(files(item), MOST_BYTES / 2);
  return chunk(items, { most: MOST_BYTES, of: bytes }, { most, of: () => 1 });
}

/** Marks the objects as being in Stage B; answers those that have no outcome yet. */
async function mark(items: HandedOver[], batchId: string): Promise<HandedOver[]> {
  const change = { status: "STAGE_B", batchId } as const;
  const answers = await commit(items.map((item) => [transition(item, ["STAGE_A_DONE", "STAGE_B"], change)]));
  return items.filter((_, index) => answers[index]?.written);
}

async function start(
  batch: Pick<StageBState, "team" | "dataset" | "batchId" | "engine" | "format" | "items">,
): Promise<void> {
  const input = JSON.stringify({ ...batch, startedAt: new Date().toISOString() });
  const request = { stateMachineArn: env("STAGE_B_STATE_MACHINE_ARN"), name: batch.batchId, input };
  try {
    await (await client("stepFunctions")).send(new StartExecutionCommand(request));
  } catch (error) {
    if ((error as Error).name !== "ExecutionAlreadyExists") throw error;
    log.info("started before", { batchId: batch.batchId });
  }
}
