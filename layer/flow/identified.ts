import { GetCommand } from "@aws-sdk/lib-dynamodb";
import { client } from "../clients";
import { env } from "../config";
import { eventsLackVersionIds } from "../identity-time";
import { knownVersion } from "../known";
import type { ObjectRef } from "../messages";
import type { Arrival, ArrivalRequest } from "../object-ref";
import { newItem, register, type ObjectItem } from "../store/metadata";
import { pagesOf } from "../store/query";
import type { Unit } from "../store/transactions";

/*
 * Where S3's events tell version ids, the version that a listing finds and the version that a late event tells of are the same by
 * name. Where they do not (the local AWS), such an event names a version by its sequencer, which nothing but the event tells. So
 * there a version that was registered from a listing leaves a note, and the event that comes after it is recognised by it.
 */

/** What is kept of a version that was registered without its event. */
interface Note {
  version: string;
  versionId?: string;
  etag: string;
  lastModified: string;
}

/** How far an event's time and the object's may be apart (ms): both are told in seconds, by one clock. */
const APART = 2_000;

/** How long a note is kept (s): as long as messages live in the queues and their DLQs. */
const KEPT = 20 * 86_400;

const noteId = (keyId: string) => `listed#${keyId}`;

/** The arrival under the name by which the lake knows its version, if it does. */
export async function identified(arrival: Arrival, request: ArrivalRequest | undefined): Promise<Arrival> {
  if (!eventsLackVersionIds()) return arrival;
  const known = request ? await knownItem(arrival) : await noted(arrival);
  if (!known) return arrival;
  return { ...arrival, version: known.version, versionId: known.versionId };
}

async function noted({ keyId, versionId, etag, eventTime }: Arrival): Promise<Note | undefined> {
  if (versionId !== undefined) return undefined;
  const request = { TableName: env("IDEMPOTENCY_TABLE"), Key: { id: noteId(keyId) }, ConsistentRead: true };
  const note = (await (await client("dynamodb")).send(new GetCommand(request))).Item as Note | undefined;
  const near = note && Math.abs(Date.parse(note.lastModified) - Date.parse(eventTime)) <= APART;
  return near && note.etag === etag ? note : undefined;
}

async function knownItem(arrival: Arrival): Promise<ObjectItem | undefined> {
  return knownVersion(arrival, await itemsOfKey(arrival.keyId));
}

/** All items of a key, read consistently; the one that says which version is current is among them. */
export async function itemsOfKey(keyId: string): Promise<ObjectItem[]> {
  const items: ObjectItem[] = [];
  const query = {
    TableName: env("OBJECT_METADATA_TABLE"),
    KeyConditionExpression: "keyId = :keyId",
    ExpressionAttributeValues: { ":keyId": keyId },
    ConsistentRead: true,
  };
  for await (const page of pagesOf(query)) items.push(...(page as unknown as ObjectItem[]));
  return items;
}

/** What registers an arrived version that has no item yet. */
export function arrivalUnit(ref: ObjectRef, { request }: { request?: ArrivalRequest }, now: string): Unit {
  const registration = register(newItem(ref, now));
  if (!request || !eventsLackVersionIds()) return [registration];
  const { keyId, version, versionId, etag } = ref;
  const expiration = Math.floor(Date.parse(now) / 1000) + KEPT;
  const note: Note = { version, etag, lastModified: request.lastModified, ...(versionId && { versionId }) };
  return [
    registration,
    { Put: { TableName: env("IDEMPOTENCY_TABLE"), Item: { id: noteId(keyId), ...note, expiration } } },
  ];
}
