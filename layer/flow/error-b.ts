import { env } from "../config";
import { shortened, type ErrorRecord } from "../errors";
import { fileStem, quarantineKey, stemOf } from "../identity";
import { log } from "../log";
import type { FailedB, HandedOver, StageBState } from "../messages";
import { deleteFiles, listFiles } from "../objects";
import { send } from "../queues";
import { readCurrents } from "../store/currents";
import { requireDataset } from "../store/datasets";
import { historyEntry } from "../store/history";
import { itemName, transition, type ObjectItem, type Status } from "../store/metadata";
import { commit, type Committed, type Unit } from "../store/transactions";
import { stageBMessage } from "./post-update-a";
import { sweep } from "./publish";
import { triesOf, type Tries } from "./tries-b";

/**
 * Stage B's errors: records the failed objects (all that have no outcome yet, when a state broke off), removes files that
 * they have in the table's folder, and sends each to the DLQ.
 */
export async function recordErrorsB(state: StageBState): Promise<{ failed: FailedB[] }> {
  if (state.cause) return recordBrokenOff(state, allOpen(state, causeOf(state)));
  const { ours } = await record(state, state.failed);
  await sendToDlq(state, ours);
  return { failed: ours };
}

/**
 * A batch whose execution ended without the outcomes of its objects: those that still stand in this batch fail. What another
 * batch has taken over meanwhile, or a redrive took back, is that one's: the event may come late, and more than once.
 */
export async function recordStoppedB(state: StageBState, error: ErrorRecord): Promise<{ failed: FailedB[] }> {
  return recordBrokenOff(state, allOpen(state, error), { batchIdIs: state.batchId });
}

async function recordBrokenOff(
  state: StageBState,
  failed: FailedB[],
  guard?: { batchIdIs: string },
): Promise<{ failed: FailedB[] }> {
  const { ours, processed } = await record(state, failed, guard);
  await removeFiles(
    state,
    [...ours, ...processed].map(({ item }) => item),
  );
  await sendToDlq(state, ours);
  return { failed: ours };
}

/** Records the failures of those that have no outcome yet; answers which are this batch's, and which were processed before. */
async function record(
  state: StageBState,
  failed: FailedB[],
  guard?: { batchIdIs: string },
): Promise<{ ours: FailedB[]; processed: FailedB[] }> {
  const { manifest } = await requireDataset(state.team, state.dataset);
  const tries = triesOf(state, manifest);
  const answers = await commit(
    failed.map((one) => errorUnit(state, one, tries, guard)),
    failed.map((one) => tries.count(one, { failed: 1 })),
  );
  return {
    ours: failed.filter((one, index) => isOurs(state, one, answers[index] as Committed)),
    processed: failed.filter((_, index) => known(answers[index] as Committed)?.status === "PROCESSED"),
  };
}

function causeOf(state: StageBState): ErrorRecord {
  const { Error: name = "Unknown", Cause: cause = "" } = state.cause ?? {};
  return shortened("BatchFailed", `the batch broke off with ${name}: ${messageOf(cause)}`);
}

/** Lambda gives a JSON document with the message inside. */
function messageOf(cause: string): string {
  try {
    const { errorType, errorMessage } = JSON.parse(cause) as { errorType?: string; errorMessage?: string };
    return errorMessage === undefined ? cause : `${errorType}: ${errorMessage}`;
  } catch {
    return cause;
  }
}

function allOpen(state: StageBState, error: ErrorRecord): FailedB[] {
  const known = new Map(state.failed.map((one) => [itemName(one.item), one]));
  return state.items.map((item) => known.get(itemName(item)) ?? { item, error, attempt: 1 });
}

function errorUnit(state: StageBState, failed: FailedB, tries: Tries, guard?: { batchIdIs: string }): Unit {
  const { item, error } = failed;
  const change = { status: "FAILED", stage: "B", error, batchId: state.batchId } as const;
  const entry = { ...tries.entry(failed), status: "FAILED", error } as const;
  const from: Status[] = guard ? ["STAGE_B"] : ["STAGE_A_DONE", "STAGE_B"];
  return [transition(item, from, change, { ...(guard && { guard }) }), historyEntry(entry)];
}

function known(answer: Committed): ObjectItem | undefined {
  return answer.written ? undefined : (answer.refused.item as ObjectItem | undefined);
}

/** True when this batch failed the object, now or in an earlier try of this state. */
function isOurs(state: StageBState, { item }: FailedB, answer: Committed): boolean {
  const found = known(answer);
  if (answer.written || (found?.status === "FAILED" && found.batchId === state.batchId)) return true;
  log.warn("decided elsewhere", { key: item.key, status: found?.status });
  return false;
}

/** Deletes the batch's files that are not part of the table, and what a publication that broke off left to delete. */
async function removeFiles(state: StageBState, items: HandedOver[]): Promise<void> {
  const currents = await readCurrents(items);
  const stems = new Set(items.filter((item) => currents.get(item.keyId)?.current !== item.version).map(fileStem));
  const bucket = env("STAGE_BUCKET");
  const made = state.processed?.filter(({ item }) => stems.has(fileStem(item))).flatMap(({ files }) => files);
  // When ProcessData broke off, nobody knows which files it had put: they are looked for by name.
  const isTheirs = (key: string) => stems.has(stemOf(key));
  const files =
    made ?? (stems.size === 0 ? [] : await listFiles(bucket, `post/${state.team}/${state.dataset}/`, isTheirs));
  const aside = items.filter((item) => stems.has(fileStem(item))).map(quarantineKey);
  await deleteFiles(bucket, [...files, ...aside]);
  await sweep([...currents.values()]);
}

async function sendToDlq(state: StageBState, failed: FailedB[]): Promise<void> {
  if (failed.length === 0) return;
  const { team, dataset } = state;
  const { stageBDlqUrl } = await requireDataset(team, dataset);
  const messages = failed.map(({ item, error }) => ({
    ...stageBMessage({ team, dataset, items: [item] }),
    group: item.group,
    attributes: { stage: "B", reason: error.code },
  }));
  await send(stageBDlqUrl, messages);
}
