import { GetQueryResultsCommand } from "@aws-sdk/client-athena";
import { client } from "../clients";
import { env, maxAttempts } from "../config";
import { errorRecord, isFinal, LayerError } from "../errors";
import { withdrawFailed } from "../flow/withdraw";
import { digest, fileStem } from "../identity";
import { log } from "../log";
import type { FailedB, ProcessedB } from "../messages";
import { partitionKeys } from "../manifest/output";
import { nameOf, readCurrents } from "../store/currents";
import { requireDataset } from "../store/datasets";
import type { CurrentItem } from "../store/metadata";
import { adopt, engineFolder, FILES_PER_PARTITION, requireFiles } from "./adopt";
import { copyPre } from "./copy";
import { athena, name } from "./dialect";
import { athenaFailure } from "./failures";
import { commitStatement } from "./iceberg";
import { checkedOf, countsOf, judge } from "./judge";
import { Statements } from "./statements";
import type { AthenaStep } from "./steps";

/** What the machine is answered when there is no more query to run. */
export type AthenaAnswer = AthenaStep | Answered;

type Answered = Pick<AthenaStep, "used"> & { processed: ProcessedB[]; failed: FailedB[] };

/** Most bytes of a statement: it is part of an execution's state (256 KB); Athena itself takes 262,144. */
const LONGEST = 180_000;

/**
 * One object's way through Athena, query by query; Step Functions runs each and waits for it. First rows are counted and
 * expectations checked, then the rows are written. A query that failed for a reason that may pass is asked for again.
 */
export async function nextQuery(step: AthenaStep): Promise<AthenaAnswer> {
  try {
    return await next(withUse(step));
  } catch (error) {
    const last = isFinal(error) || step.attempt >= maxAttempts();
    log.warn("object failed", { key: step.item.key, attempt: step.attempt, last, error: error as Error });
    if (!last) return begin({ ...withUse(step), attempt: step.attempt + 1 });
    const failed = { item: step.item, error: errorRecord(error), attempt: step.attempt, ...checkedOf(error) };
    return { processed: [], failed: [failed], used: withUse(step).used };
  }
}

async function next(step: AthenaStep): Promise<AthenaAnswer> {
  const { finished, phase } = step;
  if (phase === undefined) return begin(step);
  if (finished === undefined) throw new LayerError("EngineFailed", `nothing is known of the query of phase ${phase}`);
  if (finished.error !== undefined) throw athenaFailure(finished.error, finished.cause);
  return phase === "check" ? judged(step) : written(step);
}

/** Gives the object's CSV a folder of its own: Athena reads whole folders. */
async function begin(step: AthenaStep): Promise<AthenaStep> {
  const { item } = step;
  await copyPre(item, `${inFolder(step)}records.csv`);
  return ask({ ...step, phase: "check" });
}

async function judged(step: AthenaStep): Promise<AthenaAnswer> {
  const { manifest } = await requireDataset(step.team, step.dataset);
  const counts = await results(step.finished?.id ?? "");
  const counted = countsOf(counts);
  judge(counted, step.item, manifest);
  // An Iceberg table may still hold rows of an earlier version.
  if (counted.goodRows === 0 && manifest.output.format !== "iceberg")
    return answer(step, counts, { files: [], partitions: [] });
  if (manifest.output.format !== "iceberg") return ask({ ...step, phase: "write", counts });
  const current = (await readCurrents([step.item])).get(step.item.keyId);
  return ask({ ...step, phase: "write", counts, seen: nameOf(current) }, current);
}

async function written(step: AthenaStep): Promise<AthenaAnswer> {
  const { manifest } = await requireDataset(step.team, step.dataset);
  if (manifest.output.format === "iceberg") return answer(step, step.counts ?? [], { files: [], partitions: [] });
  const columns = partitionKeys(manifest).map((key) => key.name);
  const most = FILES_PER_PARTITION * (columns.length > 0 ? manifest.limits.partitionsPerObject : 1);
  const adopted = await adopt(`${outFolder(step)}rows/`, step.item, columns, most);
  requireFiles(adopted.files, countsOf(step.counts ?? []).goodRows, outFolder(step));
  const answered = answer(step, step.counts ?? [], adopted);
  await withdrawFailed(answered.processed);
  return answered;
}

function answer(
  step: AthenaStep,
  counts: number[],
  { files, partitions, bytes }: Pick<ProcessedB, "files" | "partitions" | "bytes">,
): Answered {
  const { item, attempt, used, seen } = step;
  const { goodRows, broken } = countsOf(counts);
  const more = { ...(bytes !== undefined && { bytes }), ...(seen !== undefined && { seen }) };
  const processed = { item, files, partitions, rows: goodRows, attempt, broken, ...more };
  return { processed: [processed], failed: [], used };
}

/** The step with the query of its phase, whose token lets Athena run it once however often it is asked for. */
async function ask(step: AthenaStep, current?: CurrentItem): Promise<AthenaStep> {
  const sql = await statement(step, current);
  if (Buffer.byteLength(sql) > LONGEST)
    throw new LayerError(
      "TransformInvalid",
      `the statement has ${Buffer.byteLength(sql)} bytes; up to ${LONGEST} are possible`,
    );
  const { batchId, attempt, phase, item } = step;
  const token = digest(JSON.stringify([batchId, fileStem(item), item.redrives, attempt, phase]), 64);
  const { finished: _, ...rest } = step;
  return { ...rest, query: { sql, token } };
}

async function statement(step: AthenaStep, current: CurrentItem | undefined): Promise<string> {
  const { team, dataset, item, phase } = step;
  const { manifest } = await requireDataset(team, dataset);
  const source = `(SELECT * FROM ${name(env("INPUT_DATABASE_NAME"))}.${name(manifest.table)} WHERE "_object" = ${athena.literal(fileStem(item))})`;
  const statements = new Statements(athena, { manifest, eventTime: item.eventTime }, source);
  if (phase === "check") return statements.check();
  if (manifest.output.format === "iceberg") {
    const table = `${name(env("DATABASE_NAME"))}.${name(manifest.table)}`;
    return commitStatement(athena, statements, { table, item, manifest, current });
  }
  const keys = partitionKeys(manifest).map((key) => athena.literal(key.name));
  const to = `s3://${env("STAGE_BUCKET")}/${outFolder(step)}rows/`;
  const partitioned = keys.length > 0 ? `, partitioned_by = ARRAY[${keys.join(", ")}]` : "";
  return `UNLOAD (${statements.rows()}) TO ${athena.literal(to)} WITH (format = 'PARQUET', compression = 'ZSTD'${partitioned})`;
}

function inFolder({ team, dataset, item }: AthenaStep): string {
  return `${engineFolder({ team, dataset })}in/${fileStem(item)}/`;
}

/** Every attempt has a folder of its own: UNLOAD wants an empty one. */
function outFolder(step: AthenaStep): string {
  return `${engineFolder(step)}out/${step.batchId}/${fileStem(step.item)}-${step.item.redrives}-${step.attempt}/`;
}

async function results(QueryExecutionId: string): Promise<number[]> {
  const { ResultSet } = await (await client("athena")).send(new GetQueryResultsCommand({ QueryExecutionId }));
  // The first row holds the names.
  return (ResultSet?.Rows?.[1]?.Data ?? []).map(({ VarCharValue }) => Number(VarCharValue));
}

/** Notes down what the query that was run last has used. */
function withUse(step: AthenaStep): AthenaStep {
  if (step.finished === undefined) return step;
  const { milliseconds, bytesScanned } = step.finished;
  return { ...step, used: [...step.used, { by: "athena", milliseconds, megabytes: 0, bytesScanned }] };
}
