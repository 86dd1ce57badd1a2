import { PutObjectCommand } from "@aws-sdk/client-s3";
import PQueue from "p-queue";
import { text } from "node:stream/consumers";
import { z } from "zod";
import { client } from "../clients";
import { env } from "../config";
import { errorRecord, LayerError, Rejection, type ErrorRecord } from "../errors";
import { withdrawFailed } from "../flow/withdraw";
import { fileStem } from "../identity";
import type { Manifest } from "../manifest-schema";
import { minutesOf } from "../manifest/engine";
import { partitionKeys } from "../manifest/output";
import type { FailedB, HandedOver, ProcessedB, StageBState } from "../messages";
import { openStage } from "../objects";
import { nameOf, readCurrents } from "../store/currents";
import { requireDataset } from "../store/datasets";
import type { CurrentItem } from "../store/metadata";
import { adopt, adoptOne, engineFolder, requireFiles } from "./adopt";
import { copyPre } from "./copy";
import { name, spark } from "./dialect";
import { glueFailure } from "./failures";
import { commitStatement } from "./iceberg";
import { checkedOf, countsOf, judge } from "./judge";
import { csvColumns, Statements } from "./statements";

/** What the job, layer/engines/glue/transform.py, is asked to do with one object. */
interface JobObject {
  /** Name of the object in the result. */
  stem: string;
  /** Its CSV, `s3://…`. */
  source: string;
  /** Where its rows go as Parquet; not with `merge`. */
  rows: string;
  /** Where its quarantined rows go. */
  quarantine: string;
  sql: { check: string; rows: string; quarantine?: string | undefined; merge?: string | undefined };
}

/** The request that the job reads. */
export interface JobRequest {
  /** Columns of the CSV, all read as text. */
  columns: string[];
  /** Columns that become folders. */
  partitionBy: string[];
  /** Which counts of the check must be 0 before anything is written, by their place in its row. */
  mustBeZero: number[];
  /** Records that Stage A counted, by the object's stem; the engine has to read as many. */
  records: Record<string, number>;
  /** Partitions that an object's rows may fall into. */
  mostPartitions: number;
  rowGroupSize: number;
  objects: JobObject[];
}

const resultSchema = z.object({
  objects: z.array(
    z.object({
      stem: z.string(),
      counts: z.array(z.number()).optional(),
      error: z.object({ code: z.string(), message: z.string() }).optional(),
    }),
  ),
});

/** Writes down what the job has to do with the batch, and tells Step Functions how to start it. */
export async function prepareJob(state: StageBState): Promise<StageBState> {
  const { manifest } = await requireDataset(state.team, state.dataset);
  const folder = batchFolder(state);
  await giveOwnFiles(state);
  const iceberg = manifest.output.format === "iceberg";
  const currents: Currents = iceberg ? await readCurrents(state.items) : new Map();
  const request = requestOf(state, manifest, currents);
  const Body = Buffer.from(JSON.stringify(request));
  const Key = `${folder}request.json`;
  const put = { Bucket: env("STAGE_BUCKET"), Key, Body, ContentLength: Body.length };
  await (await client("s3")).send(new PutObjectCommand(put));
  const { workers, workerType, timeout } = manifest.glue;
  const glue = {
    request: inBucket(Key),
    result: inBucket(`${folder}result.json`),
    workers: workers ?? Number(env("GLUE_WORKERS")),
    workerType: workerType ?? env("GLUE_WORKER_TYPE"),
    timeout: timeout === undefined ? Number(env("GLUE_MINUTES")) : minutesOf(timeout),
    ...(iceberg && { seen: state.items.map(({ keyId }) => nameOf(currents.get(keyId))) }),
  };
  return { ...state, glue };
}

/** How many copies at the same time. */
const COPIES = 8;

async function giveOwnFiles(state: StageBState): Promise<void> {
  const queue = new PQueue({ concurrency: COPIES });
  const shared = state.items.filter(({ preStart }) => preStart !== undefined);
  await queue.addAll(shared.map((item) => () => copyPre(item, sourceOf(state, item))));
}

/** The file that holds the object's CSV and nothing else. */
function sourceOf(state: StageBState, item: HandedOver): string {
  return item.preStart === undefined ? item.preKey : `${batchFolder(state)}${fileStem(item)}/records.csv`;
}

type Currents = ReadonlyMap<string, CurrentItem>;

/**
 * What the job is asked; nothing in it is a path of the machine or a secret.
 *
 * @param currents which versions are current, of an Iceberg table
 */
export function requestOf(state: StageBState, manifest: Manifest, currents: Currents = new Map()): JobRequest {
  const zero = manifest.expectations.flatMap(({ rule }, index) => (rule === "fail" ? [FIRST_EXPECTATION + index] : []));
  return {
    columns: csvColumns(manifest),
    partitionBy: partitionKeys(manifest).map((key) => key.name),
    mustBeZero: zero,
    records: Object.fromEntries(state.items.map((item) => [fileStem(item), item.rows])),
    mostPartitions: manifest.limits.partitionsPerObject,
    rowGroupSize: manifest.output.rowGroupSize,
    objects: state.items.map((item) => jobObject(state, item, manifest, currents.get(item.keyId))),
  };
}

/** Counts before those of the expectations in a row of `Statements.check`. */
const FIRST_EXPECTATION = 4;

function jobObject(
  state: StageBState,
  item: HandedOver,
  manifest: Manifest,
  current: CurrentItem | undefined,
): JobObject {
  const stem = fileStem(item);
  const statements = new Statements(spark, { manifest, eventTime: item.eventTime }, "records");
  const table = `glue_catalog.${name(env("DATABASE_NAME"))}.${name(manifest.table)}`;
  const iceberg = manifest.output.format === "iceberg";
  return {
    stem,
    source: inBucket(sourceOf(state, item)),
    rows: inBucket(`${batchFolder(state)}${stem}/rows/`),
    quarantine: inBucket(`${batchFolder(state)}${stem}/quarantine/`),
    sql: {
      check: statements.check(),
      rows: statements.rows(),
      quarantine: statements.quarantined(),
      ...(iceberg && { merge: commitStatement(spark, statements, { table, item, manifest, current }) }),
    },
  };
}

/** After the job: its files get their final names; objects that it could not do, or that must not be taken, are told. */
export async function collectJob(state: StageBState): Promise<StageBState> {
  const { manifest } = await requireDataset(state.team, state.dataset);
  const run = state.glue?.run;
  const results = run?.error === undefined ? await resultsOf(state) : undefined;
  const processed: ProcessedB[] = [];
  const failed: FailedB[] = [];
  for (const [index, item] of state.items.entries()) {
    try {
      if (results === undefined) throw glueFailure(run?.error ?? "Unknown", run?.cause);
      const seen = state.glue?.seen?.[index];
      const collected = await collect(state, item, manifest, results.get(fileStem(item)));
      processed.push({ ...collected, ...(seen !== undefined && { seen }) });
    } catch (error) {
      failed.push({ item, error: errorRecord(error), attempt: 1, ...checkedOf(error) });
    }
  }
  await withdrawFailed(processed);
  const { seconds = 0, dpuSeconds = 0 } = run ?? {};
  const used = [...(state.used ?? []), { by: "glue", milliseconds: seconds * 1_000, megabytes: 0, dpuSeconds }];
  return { ...state, processed, failed, failedCount: failed.length, used };
}

type ObjectResult = z.infer<typeof resultSchema>["objects"][number];

async function collect(
  state: StageBState,
  item: HandedOver,
  manifest: Manifest,
  result: ObjectResult | undefined,
): Promise<ProcessedB> {
  if (result === undefined) throw new LayerError("EngineFailed", "the Glue job's result says nothing about the object");
  if (result.error) throw failureOf(result.error);
  const counts = countsOf(result.counts ?? []);
  judge(counts, item, manifest);
  const folder = `${batchFolder(state)}${fileStem(item)}/`;
  const columns = partitionKeys(manifest).map((key) => key.name);
  const most = columns.length > 0 ? manifest.limits.partitionsPerObject : 1;
  const adopted =
    manifest.output.format === "iceberg"
      ? { files: [], partitions: [] }
      : await adopt(`${folder}rows/`, item, columns, most);
  if (manifest.output.format !== "iceberg") requireFiles(adopted.files, counts.goodRows, folder);
  const key = `quarantine/${item.team}/${item.dataset}/${fileStem(item)}.parquet`;
  const rows = counts.rows - counts.goodRows;
  const quarantined = (await adoptOne(`${folder}quarantine/`, key)) ? { quarantined: { key, rows } } : {};
  return { item, ...adopted, rows: counts.goodRows, attempt: 1, broken: counts.broken, ...quarantined };
}

/** Errors that the job names itself are the data's or the SQL's. */
function failureOf({ code, message }: ErrorRecord): Error {
  const final = ["SchemaMismatch", "TransformInvalid", "StageFileGone"].includes(code);
  return final ? new Rejection(code, `the transform in Spark: ${message}`) : new LayerError(code, `Spark: ${message}`);
}

async function resultsOf(state: StageBState): Promise<Map<string, ObjectResult>> {
  const Key = `${batchFolder(state)}result.json`;
  const { objects } = resultSchema.parse(JSON.parse(await text(await openStage(env("STAGE_BUCKET"), Key))));
  return new Map(objects.map((object) => [object.stem, object]));
}

function batchFolder(state: Pick<StageBState, "team" | "dataset" | "batchId">): string {
  return `${engineFolder(state)}out/${state.batchId}/`;
}

function inBucket(key: string): string {
  return `s3://${env("STAGE_BUCKET")}/${key}`;
}
