import { env } from "../config";
import { redriveQueue, type Redriven } from "../dlq";
import { LayerError } from "../errors";
import { handoverSchema, stageAMessageSchema, type RedriveRequest } from "../messages";
import { parseArrival } from "../object-ref";
import type { Outgoing } from "../queues";
import { requireDataset } from "../store/datasets";
import { readItem, transition, type ObjectItem, type ObjectKey, type Stage, type Status } from "../store/metadata";
import { commit } from "../store/transactions";
import { stageBMessage } from "./post-update-a";
import { stageAMessage } from "./routing";

/** Where each stage's redrive takes a failed object back to. */
const BACK_TO: Record<Stage, Status> = { ROUTING: "RECEIVED", A: "RECEIVED", B: "STAGE_A_DONE" };

/** Sends what belonged to no dataset, or was no event, back to the arrivals; it goes on if there is a dataset for it now. */
export async function redriveArrivals({ max }: RedriveRequest): Promise<Redriven> {
  return redriveQueue(env("ARRIVALS_DLQ_URL"), env("ARRIVALS_QUEUE_URL"), max, async (body) => {
    const parsed = parseArrival(body);
    // Nothing is known of it, and routing will find the same: it goes round once more, for somebody who changed routing.
    if ("problem" in parsed) return { body };
    return (await reopen(parsed.arrival, "ROUTING")) === undefined ? undefined : { body };
  });
}

/** Sends the objects that failed in Stage A back to Stage A. */
export async function redriveStageA({ team, dataset, max }: RedriveRequest): Promise<Redriven> {
  const { stageADlqUrl, stageAQueueUrl } = await requireDataset(team, dataset);
  return redriveQueue(stageADlqUrl, stageAQueueUrl, max, async (body): Promise<Outgoing | undefined> => {
    const items = [];
    for (const ref of stageAMessageSchema.parse(JSON.parse(body)).items) {
      const redrives = await reopen(ref, "A");
      if (redrives !== undefined) items.push({ ...ref, redrives });
    }
    return items.length === 0 ? undefined : stageAMessage(items);
  });
}

/** Sends the objects that failed in Stage B back to Stage B. */
export async function redriveStageB({ team, dataset, max }: RedriveRequest): Promise<Redriven> {
  const { stageBDlqUrl, stageBQueueUrl } = await requireDataset(team, dataset);
  return redriveQueue(stageBDlqUrl, stageBQueueUrl, max, async (body): Promise<Outgoing | undefined> => {
    const handover = handoverSchema.parse(JSON.parse(body));
    const items = [];
    for (const item of handover.items) {
      const redrives = await reopen(item, "B");
      if (redrives !== undefined) items.push({ ...item, redrives });
    }
    return items.length === 0 ? undefined : stageBMessage({ ...handover, items });
  });
}

/**
 * Takes a failed object back to where its stage begins.
 *
 * @returns how often it was redriven, or undefined when it needs no redrive any more: it was processed, or failed elsewhere
 */
async function reopen(object: ObjectKey, stage: Stage): Promise<number | undefined> {
  const known = await readItem(object);
  if (known === undefined) return 0;
  // Taken back by a redrive that ended before it had sent the message, or given up by the queue before it was tried.
  if (known.status === BACK_TO[stage] || isUnderway(known, stage)) return known.redrives;
  if (known.status !== "FAILED" || known.stage !== stage) return undefined;
  const redrives = known.redrives + 1;
  const change = { status: BACK_TO[stage], attempts: 0, redrives } as const;
  const options = { remove: ["error", "stage"] as const, guard: { stageIs: stage } } as const;
  const [answer] = await commit([
    [transition(object, ["FAILED"], change, { ...options, remove: [...options.remove] })],
  ]);
  if (!answer?.written)
    throw new LayerError("StateChanged", `${object.keyId}/${object.version} changed its state meanwhile`);
  return redrives;
}

function isUnderway(known: ObjectItem, stage: Stage): boolean {
  return (stage === "A" && known.status === "STAGE_A") || (stage === "B" && known.status === "STAGE_B");
}
