import { BatchGetCommand, GetCommand, type BatchGetCommandOutput } from "@aws-sdk/lib-dynamodb";
import { setTimeout as sleep } from "node:timers/promises";
import { client } from "../clients";
import { env } from "../config";
import { LayerError, type ErrorRecord } from "../errors";
import type { Arrival } from "../object-ref";
import type { Item, Write } from "./transactions";

/** Where an object version stands. PROCESSED and FAILED are final until a redrive. */
export type Status = "RECEIVED" | "STAGE_A" | "STAGE_A_DONE" | "STAGE_B" | "PROCESSED" | "FAILED";

/** Which part of the flow recorded a failure. */
export type Stage = "ROUTING" | "A" | "B";

/** The item of one object version in the object-metadata table. */
export interface ObjectItem extends Arrival {
  /** `team/dataset`: the index byDataset. */
  datasetId: string;
  group?: string;
  status: Status;
  /** Where it failed. */
  stage?: Stage;
  /** How often Stage A really tried it. */
  attempts: number;
  redrives: number;
  receivedAt: string;
  updatedAt: string;
  error?: ErrorRecord;
  rows?: number;
  preKey?: string;
  /** Where its CSV is in a file that objects share, and how large it is. */
  preStart?: number | undefined;
  preBytes?: number | undefined;
  postFiles?: string[];
  /** Rows that broke an expectation, and the file that they were put into. */
  quarantined?: { key: string; rows: number } | undefined;
  /** The version whose rows stand in the table instead. */
  supersededBy?: string;
  batchId?: string;
  /** The backfill that last had it processed once more. */
  again?: string;
}

/** The item of a key that says which version's files make up the table. */
export interface CurrentItem {
  keyId: string;
  version: typeof CURRENT;
  current: string;
  /** Of the object. Without a `datasetId` the item is in no index, which would be one more write a publication. */
  key: string;
  /** In sortable form. */
  sequencer: string;
  files: string[];
  /** Its file in quarantine, if any. */
  aside?: string[];
  /** Files of former versions that are still to be deleted. */
  obsolete?: string[];
}

/** What names an object version. */
export interface ObjectKey {
  keyId: string;
  version: string;
}

/** In place of a version: the item of the key itself. */
export const CURRENT = "CURRENT";

/** The item of a version when it arrives. */
export function newItem(object: Arrival & { group?: string }, now: string): ObjectItem {
  const datasetId = `${object.team}/${object.dataset}`;
  return { ...object, datasetId, status: "RECEIVED", attempts: 0, redrives: 0, receivedAt: now, updatedAt: now };
}

/** Writes the item of a version that has none yet. */
export function register({ keyId, version, ...rest }: ObjectItem): Write {
  const { expression, names, values } = updateExpression(rest);
  return {
    Update: {
      TableName: env("OBJECT_METADATA_TABLE"),
      Key: { keyId, version },
      UpdateExpression: expression,
      ConditionExpression: "attribute_not_exists(keyId)",
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: values,
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    },
  };
}

/** What may be changed on an item. */
export type Change = Partial<Omit<ObjectItem, "keyId" | "version">>;

/** More about a transition. */
export interface TransitionOptions {
  /** Attributes that have to go. */
  remove?: (keyof ObjectItem)[];
  /** A further condition. */
  guard?: { attemptsBelow: number } | { stageIs: Stage } | { updatedAtIs: string } | { batchIdIs: string };
}

/**
 * Moves an object version on, if it stands where it is expected.
 *
 * @param from the statuses it may have
 */
export function transition(object: ObjectKey, from: Status[], change: Change, options: TransitionOptions = {}): Write {
  const { remove, guard } = options;
  const { names, values, expression } = updateExpression({ ...change, updatedAt: new Date().toISOString() }, remove);
  const allowed = from.map((_, index) => `:from${index}`);
  const guarded = guard === undefined ? undefined : guardOf(guard);
  const conditions = [`#status IN (${allowed.join(", ")})`, ...(guarded ? [`#guarded ${guarded.test} :guard`] : [])];
  return {
    Update: {
      TableName: env("OBJECT_METADATA_TABLE"),
      Key: { keyId: object.keyId, version: object.version },
      UpdateExpression: expression,
      ConditionExpression: conditions.join(" AND "),
      ExpressionAttributeNames: { ...names, "#status": "status", ...(guarded ? { "#guarded": guarded.name } : {}) },
      ExpressionAttributeValues: {
        ...values,
        ...Object.fromEntries(from.map((status, i) => [`:from${i}`, status])),
        ...(guarded ? { ":guard": guarded.value } : {}),
      },
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    },
  };
}

function guardOf(guard: NonNullable<TransitionOptions["guard"]>): { name: string; test: string; value: unknown } {
  if ("stageIs" in guard) return { name: "stage", test: "=", value: guard.stageIs };
  if ("updatedAtIs" in guard) return { name: "updatedAt", test: "=", value: guard.updatedAtIs };
  if ("batchIdIs" in guard) return { name: "batchId", test: "=", value: guard.batchIdIs };
  return { name: "attempts", test: "<", value: guard.attemptsBelow };
}

/** Names, values and text of an update that sets and removes attributes; any name is allowed. */
export function updateExpression(change: object, remove: string[] = []) {
  const set = Object.entries(change).filter(([, value]) => value !== undefined);
  const names = [...set.map(([name]) => name), ...remove].map((name) => [`#${name}`, name]);
  const sets = set.length > 0 ? `SET ${set.map(([name]) => `#${name} = :${name}`).join(", ")}` : "";
  const removes = remove.length > 0 ? ` REMOVE ${remove.map((name) => `#${name}`).join(", ")}` : "";
  return {
    expression: `${sets}${removes}`.trim(),
    names: Object.fromEntries(names) as Record<string, string>,
    values: Object.fromEntries(set.map(([name, value]) => [`:${name}`, value])) as Item,
  };
}

/** Reads at most 100 items with a request, with strong consistency; versions without an item are left out. */
export async function readItems<T = ObjectItem>(keys: ObjectKey[]): Promise<Map<string, T>> {
  const table = env("OBJECT_METADATA_TABLE");
  const found = new Map<string, T>();
  const wanted = [
    ...new Map(keys.map(({ keyId, version }) => [itemName({ keyId, version }), { keyId, version }])).values(),
  ];
  for (let start = 0; start < wanted.length; start += 100) {
    for (const item of await readBatch(table, wanted.slice(start, start + 100))) {
      found.set(itemName(item as unknown as ObjectKey), item as T);
    }
  }
  return found;
}

async function readBatch(table: string, keys: Item[]): Promise<Item[]> {
  const items: Item[] = [];
  let left = keys;
  for (let tries = 1; left.length > 0; tries++) {
    if (tries > 8)
      throw new LayerError("StoreBusy", `${left.length} items of ${table} could not be read in ${tries} tries`);
    if (tries > 1) await sleep(25 * 2 ** tries);
    const request = new BatchGetCommand({ RequestItems: { [table]: { Keys: left, ConsistentRead: true } } });
    const answer: BatchGetCommandOutput = await (await client("dynamodb")).send(request);
    items.push(...(answer.Responses?.[table] ?? []));
    left = answer.UnprocessedKeys?.[table]?.Keys ?? [];
  }
  return items;
}

/** Reads one item with strong consistency. */
export async function readItem(key: ObjectKey): Promise<ObjectItem | undefined> {
  const request = {
    TableName: env("OBJECT_METADATA_TABLE"),
    Key: { keyId: key.keyId, version: key.version },
    ConsistentRead: true,
  };
  const { Item: item } = await (await client("dynamodb")).send(new GetCommand(request));
  return item as ObjectItem | undefined;
}

/** Name of a version in the maps of this layer. */
export function itemName(key: ObjectKey): string {
  return `${key.keyId}/${key.version}`;
}
