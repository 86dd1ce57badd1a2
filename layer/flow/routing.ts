import type { SQSRecord } from "aws-lambda";
import { env, lanes } from "../config";
import { shortened, type ErrorRecord } from "../errors";
import type { Failures } from "../handlers";
import { deduplicationId, digest } from "../identity";
import { log } from "../log";
import type { ObjectRef } from "../messages";
import { groupOf, parseArrival, type Arrival, type ArrivalRequest } from "../object-ref";
import { send } from "../queues";
import { chunk, jsonBytes } from "../chunk";
import { findDataset, type Dataset } from "../store/datasets";
import { recordEvent } from "../store/events";
import { historyEntry } from "../store/history";
import { newItem, register, transition, type ObjectItem, type Status } from "../store/metadata";
import { commit, type Committed, type Unit } from "../store/transactions";
import { arrivalUnit, identified } from "./identified";

/** A message that is about an object of a dataset. */
interface Routed {
  record: SQSRecord;
  arrival: Arrival;
  dataset: Dataset;
  /** Only in events of the lake itself. */
  request?: ArrivalRequest;
}

/** A message about an object of a dataset that events do not trigger. */
interface Ignored {
  record: SQSRecord;
  ignored: Arrival;
}

/** A message that leads nowhere, and why. */
interface Stray {
  record: SQSRecord;
  /** Missing when not even the object can be told. */
  arrival?: Arrival;
  error: ErrorRecord;
}

/**
 * Arrivals: registers every object version once and sends it to its dataset's queue. What belongs to no dataset is recorded
 * as failed and goes to the arrivals' DLQ.
 */
export async function route(records: SQSRecord[]): Promise<Failures> {
  const sorted = await Promise.all(records.map(sort));
  const routed = sorted.filter((one): one is Routed => "dataset" in one);
  const strays = sorted.filter((one): one is Stray => "error" in one);
  const ignored = sorted.filter((one): one is Ignored => "ignored" in one);
  const failures = await Promise.all([sendOn(routed), setAside(strays), tellIgnored(ignored)]);
  return new Map(failures.flatMap((each) => [...each]));
}

async function sort(record: SQSRecord): Promise<Routed | Stray | Ignored> {
  const parsed = parseArrival(record.body);
  if ("problem" in parsed) return { record, error: shortened("EventInvalid", parsed.problem) };
  const { arrival, request } = parsed;
  if (arrival.bucket !== env("RAW_BUCKET")) {
    return {
      record,
      error: shortened("EventInvalid", `bucket ${arrival.bucket} is not the raw bucket ${env("RAW_BUCKET")}`),
    };
  }
  const dataset = await findDataset(arrival.team, arrival.dataset);
  if (!dataset) {
    const text = `no dataset owns ${arrival.key}: keys begin with <team>/<dataset>/ of a deployed dataset`;
    return { record, arrival, error: shortened("UnknownDataset", text) };
  }
  if (!request && !dataset.manifest.triggers.events) return { record, ignored: arrival };
  return { record, arrival: await identified(arrival, request), dataset, ...(request && { request }) };
}

async function sendOn(routed: Routed[]): Promise<Failures> {
  const now = new Date().toISOString();
  const refs = routed.map(({ arrival, dataset }) => ({
    ...arrival,
    group: groupOf(arrival, dataset.manifest.group),
    redrives: 0,
  }));
  const once = [...new Map(refs.map((ref, index) => [`${ref.keyId}/${ref.version}`, index])).values()];
  const answers = await commit(
    once.map((index) => arrivalUnit(refs[index] as ObjectRef, routed[index] as Routed, now)),
    once.map((index) => received(refs[index] as ObjectRef)),
  );
  const toSend: ToSend[] = [];
  const again: ToSend[] = [];
  for (const [position, index] of once.entries()) {
    const answer = answers[position] as Committed;
    const one = routed[index] as Routed;
    const ref = refs[index] as ObjectRef;
    const known = answer.written ? undefined : (answer.refused.item as ObjectItem | undefined);
    // RECEIVED: perhaps registered by a call that ended before it had sent. The queue drops what it has already.
    if (!known || known.status === "RECEIVED") toSend.push({ ref: asKnown(ref, known), one });
    else if (wantedAgain(known, one)) again.push({ ref: asKnown(ref, known), one, ended: known.status });
  }
  toSend.push(...(await reopened(again)));
  return sendAll(toSend);
}

/** An object version that is to be sent to its dataset's queue. */
interface ToSend {
  ref: ObjectRef;
  one: Routed;
  /** How it ended before, if it did. */
  ended?: Status;
}

/** What counts an object as received. */
const received = ({ team, dataset, size }: ObjectRef) => ({ team, dataset, counters: { received: 1, bytes: size } });

/** The reference to a version as it was registered: a later event about it may tell another sequencer. */
function asKnown(ref: ObjectRef, known: ObjectItem | undefined): ObjectRef {
  if (!known) return ref;
  const { version, sequencer, etag, size, eventTime, redrives } = known;
  return { ...ref, version, versionId: known.versionId, sequencer, etag, size, eventTime, redrives };
}

/** Whether a version that has its outcome is to be processed once more, and this run has not sent it yet. */
function wantedAgain({ status, again }: ObjectItem, { request }: Routed): boolean {
  const final = status === "PROCESSED" || status === "FAILED";
  return final && request?.again !== undefined && request.again !== again;
}

/** Opens versions that have their outcome; those that somebody else moves on at this moment are left out. */
async function reopened(wanted: ToSend[]): Promise<ToSend[]> {
  const next = wanted.map(({ ref, ...rest }) => ({ ...rest, ref: { ...ref, redrives: ref.redrives + 1 } }));
  const answers = await commit(
    next.map(({ ref, one }) => {
      const change = { status: "RECEIVED", attempts: 0, redrives: ref.redrives, again: one.request?.again } as const;
      return [transition(ref, ["PROCESSED", "FAILED"], change, { remove: ["stage", "error"] })];
    }),
    next.map(({ ref: { team, dataset }, ended }) => {
      return { team, dataset, counters: ended === "FAILED" ? { redriven: 1 } : { reprocessed: 1 } };
    }),
  );
  return next.filter((_, index) => answers[index]?.written);
}

async function sendAll(toSend: ToSend[]): Promise<Failures> {
  const failures: Failures = new Map();
  await Promise.all(
    byQueue(toSend).map(async ([queueUrl, messages]) => {
      try {
        await send(queueUrl, packed(messages.map(({ ref }) => ref)).map(stageAMessage));
      } catch (error) {
        log.error("could not send on", error as Error);
        for (const { one } of messages) failures.set(one.record.messageId, error);
      }
    }),
  );
  return failures;
}

/** The Stage A message of object versions that share a lane. */
export function stageAMessage(refs: ObjectRef[]) {
  const body = JSON.stringify({ items: refs });
  return { body, group: lane(refs[0] as ObjectRef), deduplicationId: deduplicationId("A", refs) };
}

/** Most bytes of a message: ten of them, with what Stage A adds, stay below the 256 KB of an execution's state. */
const MESSAGE_BYTES = 5_000;

/** Most bytes of the objects in a message, so that ten of them are processed well within the function's time. */
const OBJECT_BYTES = 16 * 1024 ** 2;

/**
 * The message group. Objects that have to stay in order share a lane; so do others, by chance, because only objects of one
 * lane can travel in one message, and every message costs a receive, a state and a wait.
 */
function lane({ group }: ObjectRef): string {
  return `lane-${parseInt(digest(group, 8), 16) % lanes()}`;
}

/** The objects, in their order within a lane, in as few messages as their lanes and the limits allow. */
export function packed(refs: ObjectRef[]): ObjectRef[][] {
  const lanesOf = new Map<string, ObjectRef[]>();
  for (const ref of refs) lanesOf.set(lane(ref), [...(lanesOf.get(lane(ref)) ?? []), ref]);
  return [...lanesOf.values()].flatMap((together) =>
    chunk(together, { most: MESSAGE_BYTES, of: jsonBytes }, { most: OBJECT_BYTES, of: ({ size }) => size }),
  );
}

function byQueue(messages: ToSend[]): [string, ToSend[]][] {
  const found = new Map<string, ToSend[]>();
  for (const message of messages) {
    const url = message.one.dataset.stageAQueueUrl;
    found.set(url, [...(found.get(url) ?? []), message]);
  }
  return [...found];
}

/** Objects that wait for a schedule, a request or a backfill; that their events came is kept as an event of the lake. */
async function tellIgnored(ignored: Ignored[]): Promise<Failures> {
  const failures: Failures = new Map();
  await Promise.all(
    ignored.map(async ({ record, ignored: { team, dataset, keyId, key, version } }) => {
      const detail = { key, version, reason: "the manifest says triggers.events: false" };
      try {
        await recordEvent({ team, dataset, kind: "ignored", objectKeyId: keyId, detail });
      } catch (error) {
        failures.set(record.messageId, error);
      }
    }),
  );
  return failures;
}

async function setAside(strays: Stray[]): Promise<Failures> {
  const failures: Failures = new Map();
  await Promise.all(
    strays.map(async (stray) => {
      try {
        const recorded = stray.arrival === undefined || (await recordStray(stray.arrival, stray.error));
        if (!recorded) return;
        const attributes = { stage: "ROUTING", reason: stray.error.code };
        await send(env("ARRIVALS_DLQ_URL"), [{ body: stray.record.body, attributes }]);
      } catch (error) {
        failures.set(stray.record.messageId, error);
      }
    }),
  );
  return failures;
}

/** False when the object has another outcome already. */
async function recordStray(arrival: Arrival, error: ErrorRecord): Promise<boolean> {
  const now = new Date().toISOString();
  const { team, dataset, keyId, version } = arrival;
  const failed = { status: "FAILED", stage: "ROUTING", error } as const;
  const history = historyEntry({
    ...{ team, dataset, keyId, version, stage: "ROUTING", object: arrival.key, status: "FAILED" },
    ...{ error, startedAt: now, endedAt: now, attempt: 1 },
  });
  const counters = { received: 1, bytes: arrival.size, failed: 1 };
  const [first] = await commit(
    [[register({ ...newItem(arrival, now), ...failed }), history]],
    [{ team, dataset, counters }],
  );
  if (first?.written) return true;
  const known = first?.refused.item as ObjectItem | undefined;
  if (known?.status === "FAILED" && known.stage === "ROUTING") return true;
  const again: Unit = [transition(arrival, ["RECEIVED"], failed), history];
  return (await commit([again], [{ team, dataset, counters: { failed: 1 } }]))[0]?.written ?? false;
}
