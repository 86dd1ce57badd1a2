import { setTimeout as sleep } from "node:timers/promises";
import { BatchGetCommand } from "@aws-sdk/lib-dynamodb";
import PQueue from "p-queue";
import { chunk } from "../../layer/chunk";
import { unpacked } from "../../layer/store/history";
import { pagesOf } from "../../layer/store/query";
import { TributaryError } from "../errors";
import type { Lake } from "./connect";

/** One try of one stage on one object. */
export interface Execution {
  team: string;
  dataset: string;
  stage: string;
  /** The object's key in the raw bucket. */
  object: string;
  status: string;
  /** Code and message. */
  error?: string;
  /** ISO 8601, UTC. */
  startedAt: string;
  endedAt: string;
  /** Counts from 1. */
  attempt?: number;
  /** Of the message in the dataset's queue; stage A only. Tells the order in which objects came. */
  sequenceNumber?: string;
  /** Of the object's versions; see docs/architecture.md, Identity. */
  version?: string;
  rows?: number;
  /** Stage A: of the object. Stage B: of its Parquet files. */
  bytes?: number;
  /** What ran the SQL; stage B only. */
  engine?: string;
  /** The object's share of what its execution cost, in USD; docs/control-tables.md tells what is counted. */
  cost?: number;
  /** Rows that broke an expectation and went into quarantine. */
  quarantined?: number;
  /** What was expected of the rows, and how many broke it; stage B only. */
  expectations?: Record<string, unknown>[];
  /** Of the state machine. */
  executionArn?: string;
  /** Stage B only. */
  batchId?: string;
}

/** Which executions are wanted. */
export interface ExecutionFilter {
  /** `team/dataset` names; each is queried. */
  datasets: string[];
  /** Only of this stage: `A`, `B` or `ROUTING`. */
  stage?: string | undefined;
  /** Only of this status: `SUCCEEDED`, `FAILED` or `RETRIED`. */
  status?: string | undefined;
  /** Only those that ended then or later (ms since 1970). */
  since?: number | undefined;
  /** Only those that ended then or before (ms since 1970). */
  until?: number | undefined;
  /** Only of the object of this `keyId`; `datasets` are not asked then. */
  keyId?: string | undefined;
  /** At most so many, the newest. */
  limit?: number | undefined;
}

/** An entry of the execution history. */
export type Entry = Record<string, unknown> & { datasetId: string; execution: string };

/** Datasets that are queried at the same time. */
const concurrency = 16;

/** Executions, newest first. */
export async function executions(lake: Lake, filter: ExecutionFilter): Promise<Execution[]> {
  const found = (await entries(lake, filter)).map(toExecution);
  const all = found.sort((a, b) => compare(b.endedAt, a.endedAt) || compare(b.startedAt, a.startedAt));
  return filter.limit === undefined ? all : all.slice(0, filter.limit);
}

/** Entries of the history, in no order where several datasets are asked. */
export async function entries(lake: Lake, filter: ExecutionFilter): Promise<Entry[]> {
  if (filter.keyId !== undefined) return ofObject(lake, filter.keyId, filter);
  const queue = new PQueue({ concurrency });
  const found = await queue.addAll(filter.datasets.map((name) => () => ofDataset(lake, name, filter)));
  return found.flat();
}

/** Entries of the history of an object's versions, newest first: which there are tells an index, what they say the table. */
export async function ofObject(lake: Lake, keyId: string, filter: Omit<ExecutionFilter, "datasets">): Promise<Entry[]> {
  const found: Entry[] = [];
  const range = rangeOf("#keyId = :keyId", filter);
  const pages = pagesOf(
    {
      TableName: lake.outputs.executionHistoryTable,
      IndexName: "byObject",
      ...range,
      ExpressionAttributeNames: { ...range.ExpressionAttributeNames, "#keyId": "keyId" },
      ExpressionAttributeValues: { ...range.ExpressionAttributeValues, ":keyId": keyId },
      ScanIndexForward: false,
    },
    lake.dynamodb,
  );
  for await (const page of pages) {
    const own = await readEntries(lake, page as Entry[]);
    found.push(...own.filter((entry) => matches(entry, filter)));
    if (filter.limit !== undefined && found.length >= filter.limit) break;
  }
  return found;
}

async function ofDataset(lake: Lake, name: string, filter: ExecutionFilter): Promise<Entry[]> {
  const { status, limit } = filter;
  // Tries that went wrong have an index of their own: they need not be looked for among all the others.
  const index =
    status === undefined || status === "SUCCEEDED"
      ? { key: "datasetId", value: name, input: { ConsistentRead: true } }
      : { key: "unsuccessful", value: `${name}#${status}`, input: { IndexName: "byStatus" } };
  const range = rangeOf("#hash = :hash", filter);
  const pages = pagesOf(
    {
      TableName: lake.outputs.executionHistoryTable,
      ...index.input,
      ...range,
      ExpressionAttributeNames: { ...range.ExpressionAttributeNames, "#hash": index.key },
      ExpressionAttributeValues: { ...range.ExpressionAttributeValues, ":hash": index.value },
      ScanIndexForward: false,
    },
    lake.dynamodb,
  );
  const found: Entry[] = [];
  for await (const page of pages) {
    found.push(...(page as Entry[]).filter((entry) => matches(entry, filter)));
    if (limit !== undefined && found.length >= limit) break;
  }
  return found;
}

interface Range {
  KeyConditionExpression: string;
  ExpressionAttributeNames: Record<string, string>;
  ExpressionAttributeValues: Record<string, string>;
}

/** The sort key begins with the time at which the try ended. */
function rangeOf(hash: string, { since, until }: Pick<ExecutionFilter, "since" | "until">): Range {
  if (since === undefined && until === undefined)
    return { KeyConditionExpression: hash, ExpressionAttributeNames: {}, ExpressionAttributeValues: {} };
  const from = since === undefined ? "0" : new Date(since).toISOString();
  // "~" sorts after everything that follows the time in a key.
  const to = until === undefined ? "~" : `${new Date(until).toISOString()}~`;
  return {
    KeyConditionExpression: `${hash} AND #execution BETWEEN :from AND :to`,
    ExpressionAttributeNames: { "#execution": "execution" },
    ExpressionAttributeValues: { ":from": from, ":to": to },
  };
}

/** Whether an entry is of the wanted stage, status and object. */
export function matches(entry: Record<string, unknown>, filter: Omit<ExecutionFilter, "datasets">): boolean {
  const { stage, status, keyId } = filter;
  return (
    (stage === undefined || entry.stage === stage) &&
    (status === undefined || entry.status === status) &&
    (keyId === undefined || entry.keyId === keyId)
  );
}

/** Reads whole entries, in the order of their keys; those that have expired meanwhile are left out. */
async function readEntries(lake: Lake, keys: Entry[]): Promise<Entry[]> {
  const found = new Map<string, Entry>();
  const table = lake.outputs.executionHistoryTable;
  const wanted = keys.map(({ datasetId, execution }) => ({ datasetId, execution }));
  for (const part of chunk(wanted, { most: 100, of: () => 1 })) {
    let left: Record<string, unknown>[] = part;
    for (let tries = 1; left.length > 0; tries++) {
      if (tries > 8) throw busy(table);
      if (tries > 1) await sleep(25 * 2 ** tries);
      const request = new BatchGetCommand({ RequestItems: { [table]: { Keys: left, ConsistentRead: true } } });
      const answer = await lake.dynamodb.send(request);
      for (const entry of (answer.Responses?.[table] ?? []) as Entry[]) found.set(nameOf(entry), entry);
      left = answer.UnprocessedKeys?.[table]?.Keys ?? [];
    }
  }
  return wanted.flatMap((key) => found.get(nameOf(key)) ?? []);
}

function nameOf({ datasetId, execution }: Pick<Entry, "datasetId" | "execution">): string {
  return `${datasetId} ${execution}`;
}

function busy(table: string): TributaryError {
  return new TributaryError(`items of ${table} could not be read in 8 tries: the table is throttled`, {
    code: "StoreBusy",
    source: "cloud",
    next: "run the command again",
  });
}

const texts = ["version", "engine", "executionArn", "batchId", "sequenceNumber"] as const;
const numbers = ["attempt", "rows", "bytes", "cost", "quarantined"] as const;

/** An item of the execution history as the driver reports it. */
export function toExecution(item: Record<string, unknown>): Execution {
  const text = (name: string) => (typeof item[name] === "string" ? item[name] : "");
  const error = errorText(item.error);
  return {
    team: text("team"),
    dataset: text("dataset"),
    stage: text("stage"),
    object: text("object"),
    status: text("status"),
    ...(error === undefined ? {} : { error }),
    startedAt: text("startedAt"),
    endedAt: text("endedAt"),
    ...optional(item, texts, "string"),
    ...optional(item, numbers, "number"),
    ...(Array.isArray(item.expectations) ? { expectations: item.expectations.flatMap(result) } : {}),
  };
}

function result(text: unknown): Record<string, unknown>[] {
  const found = unpacked(text);
  return found ? [{ ...found }] : [];
}

function optional(item: Record<string, unknown>, names: readonly string[], type: "string" | "number"): object {
  return Object.fromEntries(names.filter((name) => typeof item[name] === type).map((name) => [name, item[name]]));
}

/** An error item `{ code, message }`, or text, as one line. */
export function errorText(error: unknown): string | undefined {
  if (typeof error === "string") return error;
  if (typeof error !== "object" || error === null) return undefined;
  const { code, message } = error as { code?: unknown; message?: unknown };
  return [code, message].filter((part) => typeof part === "string" && part !== "").join(": ") || undefined;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
