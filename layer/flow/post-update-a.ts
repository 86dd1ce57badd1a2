import { waiting } from "../groups";
import { deduplicationId, groupId } from "../identity";
import { log } from "../log";
import type { FailedA, HandedOver, Handover, Outcome, ProcessedA, StageAItem, StageAState } from "../messages";
import { send } from "../queues";
import { chunk, jsonBytes } from "../chunk";
import { requireDataset } from "../store/datasets";
import { historyEntry } from "../store/history";
import { itemName, transition, type ObjectItem } from "../store/metadata";
import { commit, type Committed, type Unit } from "../store/transactions";
import { triesOf, type Tries } from "./tries-a";

/** What PostUpdate answers. */
export type PostUpdated = Pick<StageAState, "outcomes" | "failed" | "failedCount" | "executionArn" | "sizes">;

/**
 * After Stage A's work: records what was done, hands it over to Stage B in one message, and lets those wait that stand
 * behind an object that has to be tried again.
 */
export async function postUpdateA(state: StageAState): Promise<PostUpdated> {
  const { deferred, heldUp } = held(state);
  const done = state.processed.filter(({ item }) => !deferred.has(name(item)));
  const tries = triesOf(state);
  const answers = await commit(
    done.map((one) => doneUnit(one, tries)),
    done.map(({ item, supersededBy }) =>
      tries.count(item, supersededBy === undefined ? {} : { processed: 1, superseded: 1 }),
    ),
  );
  const ours = done.filter((one, index) => isOurs(one, answers[index] as Committed));
  await handOver(ours.filter((one) => one.supersededBy === undefined));
  const failed = [...state.failed, ...heldUp];
  const outcomes = [
    ...state.outcomes,
    ...done.map(({ item }) => outcome(item, "DONE")),
    ...state.items
      .filter((item) => deferred.has(name(item)) && !heldUp.some((one) => one.item === item))
      .map((item) => outcome(item, "DEFERRED")),
  ];
  const sizes = state.items.map(({ ref }) => ref.size);
  return { outcomes, failed, failedCount: failed.length, executionArn: state.executionArn, sizes };
}

const name = (item: StageAItem) => itemName(item.ref);

function outcome({ ref }: StageAItem, status: Outcome["status"]): Outcome {
  return { keyId: ref.keyId, version: ref.version, status };
}

/** Objects that wait for an earlier one; for those whose message would not come again that is a failure. */
function held(state: StageAState): { deferred: Set<string>; heldUp: FailedA[] } {
  const failed = new Map(state.failed.map((one) => [name(one.item), one]));
  const processed = new Set(state.processed.map(({ item }) => name(item)));
  const retried = (item: StageAItem) =>
    failed.get(name(item))?.final === false && !item.lastAttempt && !item.lastReceive;
  const behind = waiting(state.items, ({ ref }) => ref.group, retried);
  const decided = (item: StageAItem) => failed.has(name(item)) || (processed.has(name(item)) && !behind.has(item));
  const deferred = state.items.filter((item) => !decided(item));
  const message = "objects before it in its group had to be tried again until its message was about to be given up";
  const heldUp = deferred
    .filter((item) => item.lastReceive)
    .map((item) => ({ item, error: { code: "HeldUp", message }, final: true }));
  return { deferred: new Set(deferred.map(name)), heldUp };
}

function doneUnit({ item, preKey, preStart, preBytes, rows, supersededBy }: ProcessedA, tries: Tries): Unit {
  const { ref, attempt } = item;
  const attempts = attempt;
  const change =
    supersededBy === undefined
      ? ({ status: "STAGE_A_DONE", attempts, preKey, preStart, preBytes, rows } as const)
      : ({ status: "PROCESSED", attempts, rows: 0, supersededBy } as const);
  const remove: (keyof ObjectItem)[] = ["stage", "error", ...(preStart === undefined ? (["preStart"] as const) : [])];
  return [
    transition(ref, ["RECEIVED", "STAGE_A"], change, { remove }),
    historyEntry({ ...tries.entry(item), status: "SUCCEEDED", rows }),
  ];
}

/** True when this version is to be handed over: recorded now, or recorded before by a try that perhaps got no further. */
function isOurs({ item }: ProcessedA, answer: Committed): boolean {
  if (answer.written) return true;
  const known = answer.refused.item as ObjectItem | undefined;
  if (known?.status === "STAGE_A_DONE") return true;
  log.warn("decided elsewhere", { key: item.ref.key, status: known?.status });
  return false;
}

async function handOver(done: ProcessedA[]): Promise<void> {
  for (const group of byDataset(done).values()) {
    const first = (group[0] as ProcessedA).item.ref;
    const { stageBQueueUrl } = await requireDataset(first.team, first.dataset);
    const items: HandedOver[] = group.map(({ item, preKey, preStart, preBytes, rows }) => ({
      ...item.ref,
      ...{ preKey, preStart, preBytes, rows },
    }));
    const { team, dataset } = first;
    const messages = chunk(items, { most: MESSAGE_BYTES, of: jsonBytes }).map((part) =>
      stageBMessage({ team, dataset, items: part }),
    );
    await send(stageBQueueUrl, messages);
  }
}

/** Most bytes of a Stage B message, well below what SQS takes (256 KiB). */
const MESSAGE_BYTES = 100_000;

/** The Stage B message of objects of one dataset. */
export function stageBMessage(handover: Handover) {
  return {
    body: JSON.stringify(handover),
    group: groupId(`${handover.team}/${handover.dataset}`),
    deduplicationId: deduplicationId("B", handover.items),
  };
}

function byDataset(done: ProcessedA[]): Map<string, ProcessedA[]> {
  const found = new Map<string, ProcessedA[]>();
  for (const one of done) {
    const id = `${one.item.ref.team}/${one.item.ref.dataset}`;
    found.set(id, [...(found.get(id) ?? []), one]);
  }
  return found;
}
