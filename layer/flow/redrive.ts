import type { z } from "zod";
import { env } from "../config";
import type { DeadLetter } from "../dead-letters";
import { redriveQueue, type Decision, type RedriveOptions, type Redriven } from "../dlq";
import { LayerError } from "../errors";
import { handoverSchema, stageAMessageSchema, type ObjectRef, type RedriveRequest } from "../messages";
import { log } from "../log";
import { parseArrival, type Arrival } from "../object-ref";
import { requireDataset } from "../store/datasets";
import { recordEvent } from "../store/events";
import { readItem, transition, type ObjectItem, type Stage, type Status } from "../store/metadata";
import { commit } from "../store/transactions";
import { stageBMessage } from "./post-update-a";
import { stageAMessage } from "./routing";

/** Where each stage's redrive takes a failed object back to. */
const BACK_TO: Record<Stage, Status> = { ROUTING: "RECEIVED", A: "RECEIVED", B: "STAGE_A_DONE" };

/** Sends what belonged to no dataset, or was no event, back to the arrivals; it goes on if there is a dataset for it now. */
export async function redriveArrivals(request: RedriveRequest): Promise<Redriven> {
  return redriveQueue(env("ARRIVALS_DLQ_URL"), env("ARRIVALS_QUEUE_URL"), optionsOf(request), async (letter) => {
    const parsed = parseArrival(letter.body);
    const objects = "problem" in parsed ? [] : [parsed.arrival];
    if (!wanted(request, letter, objects)) return "pass";
    // Nothing is known of it, and routing will find the same: it goes round once more, for somebody who changed routing.
    if ("problem" in parsed) return { send: { body: letter.body } };
    return (await reopen(parsed.arrival, "ROUTING")) === undefined ? "drop" : { send: { body: letter.body } };
  });
}

/** Sends the objects that failed in Stage A back to Stage A. */
export async function redriveStageA(request: RedriveRequest): Promise<Redriven> {
  const { stageADlqUrl, stageAQueueUrl } = await requireDataset(request.team, request.dataset);
  return redriveQueue(stageADlqUrl, stageAQueueUrl, optionsOf(request), async (letter): Promise<Decision> => {
    const refs = read(stageAMessageSchema, letter)?.items;
    if (refs === undefined || !wanted(request, letter, refs)) return "pass";
    const items = await reopenAll(refs, "A");
    return items.length === 0 ? "drop" : { send: stageAMessage(items) };
  });
}

/** Sends the objects that failed in Stage B back to Stage B. */
export async function redriveStageB(request: RedriveRequest): Promise<Redriven> {
  const { stageBDlqUrl, stageBQueueUrl } = await requireDataset(request.team, request.dataset);
  return redriveQueue(stageBDlqUrl, stageBQueueUrl, optionsOf(request), async (letter): Promise<Decision> => {
    const handover = read(handoverSchema, letter);
    if (handover === undefined || !wanted(request, letter, handover.items)) return "pass";
    const items = await reopenAll(handover.items, "B");
    return items.length === 0 ? "drop" : { send: stageBMessage({ ...handover, items }) };
  });
}

/** Undefined for what is no message of the stage: somebody put it there, and somebody has to look at it. */
function read<Schema extends z.ZodType>(schema: Schema, { body }: DeadLetter): z.output<Schema> | undefined {
  try {
    return schema.parse(JSON.parse(body));
  } catch (error) {
    log.error("a message that is none of this queue stays in the DLQ", error as Error);
    return undefined;
  }
}

function optionsOf({ max, before, rate }: RedriveRequest): RedriveOptions {
  return { max, before, rate };
}

/** Whether a message is asked for: all conditions of the request hold. A message of several objects goes as a whole. */
function wanted({ object, reason, since }: RedriveRequest, letter: DeadLetter, objects: { key: string }[]): boolean {
  return (
    (object === undefined || objects.some(({ key }) => key === object)) &&
    (reason === undefined || letter.reason === reason) &&
    (since === undefined || letter.failedAt >= since)
  );
}

async function reopenAll<T extends ObjectRef>(refs: T[], stage: Stage): Promise<T[]> {
  const items: T[] = [];
  for (const ref of refs) {
    const redrives = await reopen(ref, stage);
    if (redrives !== undefined) items.push({ ...ref, redrives });
  }
  return items;
}

/**
 * Takes a failed object back to where its stage begins.
 *
 * @returns how often it was redriven, or undefined when it needs no redrive any more: it was processed, or failed elsewhere
 */
async function reopen(object: Arrival, stage: Stage): Promise<number | undefined> {
  const known = await readItem(object);
  if (known === undefined) return 0;
  // Taken back by a redrive that ended before it had sent the message, or given up by the queue before it was tried.
  if (known.status === BACK_TO[stage] || isUnderway(known, stage)) return known.redrives;
  if (known.status !== "FAILED" || known.stage !== stage) return undefined;
  const redrives = known.redrives + 1;
  const change = { status: BACK_TO[stage], attempts: 0, redrives } as const;
  const back = transition(object, ["FAILED"], change, { remove: ["error", "stage"], guard: { stageIs: stage } });
  const { team, dataset } = known;
  const [answer] = await commit([[back]], [{ team, dataset, counters: { redriven: 1 } }]);
  if (!answer?.written)
    throw new LayerError("StateChanged", `${object.keyId}/${object.version} changed its state meanwhile`);
  await tell(known, stage, redrives);
  return redrives;
}

/** The object's story; its redrive does not depend on it. */
async function tell({ team, dataset, keyId, key, version, error }: ObjectItem, stage: Stage, redrives: number) {
  const detail = { key, version, stage, redrives, failedWith: error?.code };
  await recordEvent({ team, dataset, kind: "redriven", objectKeyId: keyId, detail }).catch((cause: unknown) =>
    log.warn("could not record the redrive", { key, error: cause as Error }),
  );
}

function isUnderway(known: ObjectItem, stage: Stage): boolean {
  return (stage === "A" && known.status === "STAGE_A") || (stage === "B" && known.status === "STAGE_B");
}
