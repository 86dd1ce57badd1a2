import { PutCommand } from "@aws-sdk/lib-dynamodb";
import { randomUUID } from "node:crypto";
import { client } from "../clients";
import { env } from "../config";
import { expiresAt } from "./expiry";

/** Something that happened to a dataset or to one of its objects, besides the tries that the history tells. */
export interface LakeEvent {
  team: string;
  dataset: string;
  /** In small letters with hyphens: `redriven`, `reconciled`, `mended`, `backfilled`, `erased`, `quarantined`, … */
  kind: string;
  /** The object that it is about; missing where it is about the whole dataset. */
  objectKeyId?: string;
  /** What a person wants to know of it. Never values of records: the table outlives what is erased. */
  detail: Record<string, unknown>;
}

/** An event as the table keeps it. */
export interface RecordedEvent extends LakeEvent {
  /** ISO time. */
  at: string;
}

/**
 * Records an event; the table forgets it after `retention.events`. A call that is repeated after an unknown answer may record
 * it twice: events tell, nothing is decided by them.
 */
export async function recordEvent(event: LakeEvent): Promise<void> {
  const at = new Date().toISOString();
  const Item = {
    datasetId: `${event.team}/${event.dataset}`,
    event: [at, event.kind, randomUUID()].join("#"),
    ...event,
    at,
    expiresAt: expiresAt("EVENTS", at),
  };
  await (await client("dynamodb")).send(new PutCommand({ TableName: env("EVENTS_TABLE"), Item }));
}
