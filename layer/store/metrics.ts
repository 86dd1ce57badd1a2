import { UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { client } from "../clients";
import { env } from "../config";
import { expiresAt } from "./expiry";
import type { ObjectItem } from "./metadata";
import { pagesOf, type Asking } from "./query";
import type { Write } from "./transactions";

/**
 * What is counted of a dataset. At any time: received + redriven + reprocessed = processed + failed + what is on its way.
 *
 * - `received`: object versions that were registered, `bytes`: theirs in the raw bucket
 * - `processed`: how often one reached that outcome, `superseded`: those whose rows are not in the table because a later
 *   version was there already, `reprocessed`: how often a processed one was taken back
 * - `failed`: how often one failed for good, `redriven`: how often a failed one was taken back
 * - `retried`: tries that another one followed
 * - `rows`: rows of processed versions, `files`: Parquet files of them, `quarantined`: rows that broke an expectation
 * - `milliseconds`: time of all tries, `nanodollars`: what they cost (prices.ts)
 */
export type Counters = Partial<Record<Counter, number>>;

/** Names of counters. */
export type Counter =
  | "received"
  | "bytes"
  | "processed"
  | "superseded"
  | "reprocessed"
  | "failed"
  | "redriven"
  | "retried"
  | "rows"
  | "files"
  | "quarantined"
  | "milliseconds"
  | "nanodollars";

/** Counters of a dataset that a unit of writes moves on. */
export interface Count {
  team: string;
  dataset: string;
  counters: Counters;
}

/** What a version that is registered counts for. */
export function arrived({ team, dataset, size }: Pick<ObjectItem, "team" | "dataset" | "size">): Count {
  return { team, dataset, counters: { received: 1, bytes: size } };
}

/**
 * Items that a dataset's day is spread over. One item takes 1,000 writes a second, and writers at the same time to the same
 * item cancel each other's transactions.
 */
const SHARDS = 16;

/** Adds to a dataset's counters of a day, within a transaction. */
export function metricsWrite(
  team: string,
  dataset: string,
  day: string,
  counters: Readonly<Record<string, number | undefined>>,
): Write {
  const shard = Math.floor(Math.random() * SHARDS)
    .toString(16)
    .padStart(2, "0");
  const added = Object.entries(counters).filter(([, value]) => value !== undefined && value !== 0);
  const adds = added.map(([name]) => `#${name} :${name}`);
  return {
    Update: {
      TableName: env("METRICS_TABLE"),
      Key: { datasetId: `${team}/${dataset}`, day: `${day}#${shard}` },
      UpdateExpression: [`SET #expiresAt = :expiresAt`, ...(adds.length > 0 ? [`ADD ${adds.join(", ")}`] : [])].join(
        " ",
      ),
      ExpressionAttributeNames: {
        "#expiresAt": "expiresAt",
        ...Object.fromEntries(added.map(([name]) => [`#${name}`, name])),
      },
      ExpressionAttributeValues: {
        ":expiresAt": expiresAt("METRICS", `${day}T00:00:00Z`),
        ...Object.fromEntries(added.map(([name, value]) => [`:${name}`, value])),
      },
    },
  };
}

/** One write for each dataset that the counts are about. */
export function metricsWrites(counts: (Count | undefined)[]): Write[] {
  const day = today();
  const sums = new Map<string, Count>();
  for (const count of counts) {
    if (count === undefined) continue;
    const id = `${count.team}/${count.dataset}`;
    const sum = sums.get(id) ?? { ...count, counters: {} };
    sums.set(id, { ...sum, counters: added(sum.counters, count.counters) });
  }
  return [...sums.values()].map(({ team, dataset, counters }) => metricsWrite(team, dataset, day, counters));
}

/**
 * Adds to a dataset's counters of a day outside of a transaction: for what is only told. A request that is repeated after an
 * unknown answer counts twice; what has to be exact goes with `commit`.
 *
 * @param day `2026-11-21`, UTC
 */
export async function addMetrics(
  team: string,
  dataset: string,
  day: string,
  counters: Readonly<Record<string, number>>,
): Promise<void> {
  const { Update } = metricsWrite(team, dataset, day, counters);
  await (await client("dynamodb")).send(new UpdateCommand(Update as NonNullable<typeof Update>));
}

/** Which days are read, and from where. */
export interface MetricsRange {
  /** First day, e.g. `2026-11-21`. @default the first that is kept */
  from?: string;
  /** Last day. @default the last */
  to?: string;
  /** Another client and table than the functions' own. */
  source?: { dynamodb: Asking; table: string };
}

/** A dataset's counters of some days, summed up; read consistently. */
export async function readMetrics(
  team: string,
  dataset: string,
  { from = "0000", to = "9999", source }: MetricsRange = {},
): Promise<Record<string, number>> {
  const range = {
    TableName: source?.table ?? env("METRICS_TABLE"),
    KeyConditionExpression: "#datasetId = :datasetId AND #day BETWEEN :from AND :to",
    ExpressionAttributeNames: { "#datasetId": "datasetId", "#day": "day" },
    // "~" sorts after every shard of the last day.
    ExpressionAttributeValues: { ":datasetId": `${team}/${dataset}`, ":from": from, ":to": `${to}~` },
    ConsistentRead: true,
  };
  let sum: Record<string, number> = {};
  for await (const page of pagesOf(range, source?.dynamodb)) for (const item of page) sum = added(sum, numbersOf(item));
  return sum;
}

function numbersOf(item: Record<string, unknown>): Record<string, number> {
  const found = Object.entries(item).filter(([name, value]) => name !== "expiresAt" && typeof value === "number");
  return Object.fromEntries(found) as Record<string, number>;
}

/** The sum of counters. */
export function added<T extends Counters | Record<string, number>>(one: T, other: T): T {
  const sum: Record<string, number> = { ...(one as Record<string, number>) };
  for (const [name, value] of Object.entries(other)) sum[name] = (sum[name] ?? 0) + (value as number);
  return sum as T;
}

/** The day that is counted now, UTC. */
export function today(): string {
  return new Date().toISOString().slice(0, 10);
}
