import { env } from "../config";
import { shortened, type ErrorRecord } from "../errors";
import { fileStem } from "../identity";
import { log } from "../log";
import type { FailedB, StageBState } from "../messages";
import { deleteFiles, listFiles } from "../objects";
import { send } from "../queues";
import { requireDataset } from "../store/datasets";
import { historyEntry } from "../store/history";
import { itemName, transition, type ObjectItem } from "../store/metadata";
import { commit, type Unit } from "../store/transactions";
import { stageBMessage } from "./post-update-a";
import { stageBExecution } from "./publish";

/**
 * Stage B's errors: records the failed objects (all that have no outcome yet, when a state broke off), removes files that
 * they have in the table's folder, and sends each to the DLQ.
 */
export async function recordErrorsB(state: StageBState): Promise<{ failed: FailedB[] }> {
  const failed = state.cause ? allOpen(state, causeOf(state)) : state.failed;
  const answers = await commit(failed.map((one) => errorUnit(state, one)));
  const ours = failed.filter((one, index) => {
    const answer = answers[index];
    if (answer === undefined || answer.written) return true;
    const known = answer.refused.item as ObjectItem | undefined;
    if (known?.status === "FAILED" && known.batchId === state.batchId) return true;
    log.warn("decided elsewhere", { key: one.item.key, status: known?.status });
    return false;
  });
  if (state.cause) await removeFiles(state, ours);
  await sendToDlq(state, ours);
  return { failed: ours };
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

function errorUnit(state: StageBState, { item, error, attempt }: FailedB): Unit {
  const change = { status: "FAILED", stage: "B", error, batchId: state.batchId } as const;
  const entry = { ...stageBExecution(state, item, attempt), status: "FAILED", error } as const;
  return [transition(item, ["STAGE_A_DONE", "STAGE_B"], change), historyEntry(entry)];
}

/** When ProcessData broke off, nobody knows which files it had put: they are looked for by name. */
async function removeFiles(state: StageBState, failed: FailedB[]): Promise<void> {
  if (failed.length === 0) return;
  const stems = new Set(failed.map(({ item }) => fileStem(item)));
  const bucket = env("STAGE_BUCKET");
  const known = state.processed?.filter(({ item }) => stems.has(fileStem(item))).flatMap(({ files }) => files);
  const isTheirs = (key: string) => stems.has(key.slice(key.lastIndexOf("/") + 1).replace(/\.parquet$/, ""));
  const files = known ?? (await listFiles(bucket, `post/${state.team}/${state.dataset}/`, isTheirs));
  await deleteFiles(bucket, files);
}

async function sendToDlq(state: StageBState, failed: FailedB[]): Promise<void> {
  if (failed.length === 0) return;
  const { team, dataset } = state;
  const { stageBDlqUrl } = await requireDataset(team, dataset);
  const messages = failed.map(({ item, error }) => ({
    ...stageBMessage({ team, dataset, items: [item] }),
    attributes: { stage: "B", reason: error.code },
  }));
  await send(stageBDlqUrl, messages);
}
