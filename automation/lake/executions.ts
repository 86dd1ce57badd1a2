import { paginateQuery } from "@aws-sdk/lib-dynamodb";
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
}

/** Which executions are wanted. */
export interface ExecutionFilter {
  /** `team/dataset` names; each is queried. */
  datasets: string[];
  /** Only failures. @default false */
  failed?: boolean;
  /** At most so many, the newest. */
  limit?: number;
}

/** Executions, newest first. */
export async function executions(lake: Lake, filter: ExecutionFilter): Promise<Execution[]> {
  const found = await Promise.all(filter.datasets.map((name) => ofDataset(lake, name, filter)));
  const all = found.flat().sort((a, b) => compare(b.endedAt, a.endedAt) || compare(b.startedAt, a.startedAt));
  return filter.limit === undefined ? all : all.slice(0, filter.limit);
}

async function ofDataset(lake: Lake, name: string, { failed, limit }: ExecutionFilter): Promise<Execution[]> {
  const pages = paginateQuery(
    { client: lake.dynamodb },
    {
      TableName: lake.outputs.executionHistoryTable,
      KeyConditionExpression: "datasetId = :dataset",
      ...(failed ? { FilterExpression: "#status = :failed", ExpressionAttributeNames: { "#status": "status" } } : {}),
      ExpressionAttributeValues: { ":dataset": name, ...(failed ? { ":failed": "FAILED" } : {}) },
      ScanIndexForward: false,
      ConsistentRead: true,
    },
  );
  const found: Execution[] = [];
  for await (const page of pages) {
    found.push(...(page.Items ?? []).map(toExecution));
    if (limit !== undefined && found.length >= limit) break;
  }
  return found;
}

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
    ...(typeof item.attempt === "number" ? { attempt: item.attempt } : {}),
    ...(typeof item.sequenceNumber === "string" ? { sequenceNumber: item.sequenceNumber } : {}),
  };
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
