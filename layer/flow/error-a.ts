import type { ErrorRecord } from "../errors";
import { log } from "../log";
import type { FailedA, Outcome, StageAItem, StageAOutput, StageAState } from "../messages";
import { send } from "../queues";
import { requireDataset } from "../store/datasets";
import { historyEntry } from "../store/history";
import { transition, type ObjectItem } from "../store/metadata";
import { commit, type Committed, type Unit } from "../store/transactions";
import { stageAMessage } from "./routing";
import { triesOf, type Tries } from "./tries-a";

/**
 * Stage A's errors: what can be tried again stays in its queue, everything else is recorded as failed and its message goes
 * to the DLQ.
 */
export async function recordErrorsA(
  state: Pick<StageAState, "outcomes" | "failed" | "used" | "sizes" | "executionArn">,
): Promise<StageAOutput> {
  const tries = triesOf({ ...state, items: [] });
  const answers = await commit(
    state.failed.map((one) => errorUnit(one, tries)),
    state.failed.map((one) => tries.count(one.item, isLast(one) ? { failed: 1 } : { retried: 1 })),
  );
  const outcomes = state.failed.map((failed, index) => outcomeOf(failed, answers[index] as Committed));
  const final = state.failed.filter((_, index) => outcomes[index]?.status === "FAILED");
  await sendToDlq(final);
  return { outcomes: [...state.outcomes, ...outcomes] };
}

/** No further try follows. */
function isLast({ item, final }: FailedA): boolean {
  return final || item.lastAttempt || Boolean(item.lastReceive);
}

function errorUnit(failed: FailedA, tries: Tries): Unit {
  const { item, error } = failed;
  const last = isLast(failed);
  const change = last
    ? ({ status: "FAILED", stage: "A", error, attempts: item.attempt } as const)
    : ({ status: "STAGE_A", attempts: item.attempt } as const);
  const entry = { ...tries.entry(item), status: last ? "FAILED" : "RETRIED", error } as const;
  // An attempt is recorded once, also when this function has to run twice.
  const guard = { attemptsBelow: item.attempt };
  return [transition(item.ref, ["RECEIVED", "STAGE_A"], change, { guard }), historyEntry(entry)];
}

function outcomeOf(failed: FailedA, answer: Committed): Outcome {
  const { item, error } = failed;
  if (answer.written) return outcome(item, isLast(failed) ? "FAILED" : "RETRY", error);
  const known = answer.refused.item as ObjectItem | undefined;
  if (known?.status === "FAILED" && known.stage === "A") return outcome(item, "FAILED", known.error ?? error);
  if (known?.status === "STAGE_A" && known.attempts >= item.attempt) return outcome(item, "RETRY", error);
  log.warn("decided elsewhere", { key: item.ref.key, status: known?.status });
  return outcome(item, "DONE");
}

function outcome({ ref, attempt }: StageAItem, status: Outcome["status"], error?: ErrorRecord): Outcome {
  return { keyId: ref.keyId, version: ref.version, status, error, ...(status === "RETRY" && { attempt }) };
}

async function sendToDlq(failed: FailedA[]): Promise<void> {
  const queues = new Map<string, FailedA[]>();
  for (const one of failed) {
    const { stageADlqUrl } = await requireDataset(one.item.ref.team, one.item.ref.dataset);
    queues.set(stageADlqUrl, [...(queues.get(stageADlqUrl) ?? []), one]);
  }
  for (const [queueUrl, ones] of queues) {
    const messages = ones.map(({ item, error }) => ({
      ...stageAMessage([item.ref]),
      // A redrive may pass over some messages, and stops where one cannot be sent: in the object's group, not in its lane.
      group: item.ref.group,
      attributes: { stage: "A", reason: error.code },
    }));
    await send(queueUrl, messages);
  }
}
