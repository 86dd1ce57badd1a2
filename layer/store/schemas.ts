import { PutCommand, QueryCommand } from "@aws-sdk/lib-dynamodb";
import { setTimeout as sleep } from "node:timers/promises";
import { client } from "../clients";
import { env } from "../config";
import { LayerError } from "../errors";

/** A column as an object was found to have it. */
export interface SchemaColumn {
  name: string;
  type: string;
}

/** One version of what a dataset's objects look like. */
export interface SchemaVersion {
  /** Counts from 1. */
  version: number;
  columns: SchemaColumn[];
  /** ISO time. */
  recordedAt: string;
  /** The object version that looked so first. */
  source: { keyId: string; version: string };
}

/** What makes one version differ from another. */
export interface SchemaDifference {
  added: SchemaColumn[];
  removed: SchemaColumn[];
  retyped: { name: string; from: string; to: string }[];
}

/** What is in one version's columns and not in another's; their order does not matter. */
export function schemaDifference(before: readonly SchemaColumn[], after: readonly SchemaColumn[]): SchemaDifference {
  const [was, is] = [before, after].map((columns) => new Map(columns.map(({ name, type }) => [name, type])));
  return {
    added: after.filter(({ name }) => !was?.has(name)),
    removed: before.filter(({ name }) => !is?.has(name)),
    retyped: after.flatMap(({ name, type }) => {
      const from = was?.get(name);
      return from === undefined || from === type ? [] : [{ name, from, to: type }];
    }),
  };
}

/** Digits of a version in the table's sort key, which is text. */
const DIGITS = 8;

/** Longest wait between two of them (ms). */
const LONGEST_WAIT = 320;

/** Tries of one recording that others get in the way of. */
const TRIES = 10;

/** The newest version of a dataset's schema, read consistently; undefined before the first. */
export async function currentSchema(team: string, dataset: string): Promise<SchemaVersion | undefined> {
  const request = new QueryCommand({
    TableName: env("DATA_SCHEMAS_TABLE"),
    KeyConditionExpression: "#datasetId = :datasetId",
    ExpressionAttributeNames: { "#datasetId": "datasetId" },
    ExpressionAttributeValues: { ":datasetId": `${team}/${dataset}` },
    ScanIndexForward: false,
    Limit: 1,
    ConsistentRead: true,
  });
  const { Items = [] } = await (await client("dynamodb")).send(request);
  const item = Items[0] as (Omit<SchemaVersion, "version"> & { version: string }) | undefined;
  if (item === undefined) return undefined;
  const { version, columns, recordedAt, source } = item;
  return { version: Number(version), columns, recordedAt, source };
}

/**
 * Records what an object looks like. Makes a new version only when names, types or their order differ from the newest one;
 * of callers at the same time with the same columns one makes it, and all get it.
 *
 * @param columns or what they are beside those of the version that holds, asked anew whenever another caller made one first
 * @returns the version that holds now
 * @throws LayerError `StoreBusy` when others made versions in between ten times
 */
export async function recordSchema(
  team: string,
  dataset: string,
  columns: SchemaColumn[] | ((current: SchemaColumn[]) => SchemaColumn[]),
  source: SchemaVersion["source"],
): Promise<SchemaVersion> {
  for (let tries = 1; tries <= TRIES; tries++) {
    if (tries > 1) await sleep(Math.min(LONGEST_WAIT, 10 * 2 ** tries) * Math.random());
    const current = await currentSchema(team, dataset);
    const wanted = typeof columns === "function" ? columns(current?.columns ?? []) : columns;
    if (current !== undefined && isSame(current.columns, wanted)) return current;
    const version = (current?.version ?? 0) + 1;
    const next = { version, columns: wanted, recordedAt: new Date().toISOString(), source };
    if (await putNew(`${team}/${dataset}`, next)) return next;
  }
  throw new LayerError("StoreBusy", `a schema of ${team}/${dataset} could not be recorded in ${TRIES} tries`);
}

/** False when there is such a version already. */
async function putNew(datasetId: string, schema: SchemaVersion): Promise<boolean> {
  const request = new PutCommand({
    TableName: env("DATA_SCHEMAS_TABLE"),
    Item: { ...schema, datasetId, version: String(schema.version).padStart(DIGITS, "0") },
    ConditionExpression: "attribute_not_exists(datasetId)",
  });
  try {
    await (await client("dynamodb")).send(request);
    return true;
  } catch (error) {
    if ((error as Error).name === "ConditionalCheckFailedException") return false;
    throw error;
  }
}

function isSame(one: SchemaColumn[], other: SchemaColumn[]): boolean {
  const text = (columns: SchemaColumn[]) => JSON.stringify(columns.map(({ name, type }) => [name, type]));
  return text(one) === text(other);
}
