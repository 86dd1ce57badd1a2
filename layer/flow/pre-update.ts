import { maxAttempts } from "../config";
import { LayerError } from "../errors";
import { log } from "../log";
import type { Outcome, StageAInput, StageAItem } from "../messages";
import { itemName, newItem, readItems, register, transition, type ObjectItem } from "../store/metadata";
import { commit, type Write } from "../store/transactions";

/** What PreUpdate decides for an object. */
type Decision = { item: StageAItem; write?: boolean } | { outcome: Outcome };

/**
 * Before Stage A: finds out where each object stands, takes out what has its outcome already, counts attempts, and marks the
 * rest as being processed.
 */
export async function preUpdate({ items }: StageAInput): Promise<{ items: StageAItem[]; outcomes: Outcome[] }> {
  const known = await readItems(items.map(({ ref }) => ref));
  const decisions = items.map((item) => decide(item, known.get(itemName(item.ref))));
  const toMark = decisions.flatMap((decision) => ("item" in decision && decision.write ? [decision.item] : []));
  const answers = await commit(toMark.map((item) => [mark(item, known.has(itemName(item.ref)))]));
  const refused = answers.flatMap((answer, index) => (answer.written ? [] : [toMark[index]?.ref.key]));
  if (refused.length > 0) {
    // Somebody else moved it on since it was read: the next try of this state sees how.
    throw new LayerError(
      "StateChanged",
      `${refused.length} objects changed their state meanwhile: ${refused.join(", ").slice(0, 300)}`,
    );
  }
  return {
    items: decisions.flatMap((decision) => ("item" in decision ? [decision.item] : [])),
    outcomes: decisions.flatMap((decision) => ("outcome" in decision ? [decision.outcome] : [])),
  };
}

function decide(item: StageAItem, known: ObjectItem | undefined): Decision {
  const attempt = (known?.attempts ?? 0) + 1;
  const counted = { ...item, attempt, lastAttempt: attempt >= maxAttempts() };
  switch (known?.status) {
    case undefined:
    case "RECEIVED":
      return { item: counted, write: true };
    case "STAGE_A":
      return { item: counted };
    case "STAGE_A_DONE":
      return { item: { ...counted, done: { preKey: known.preKey ?? "", rows: known.rows ?? 0 } } };
    case "FAILED":
      if (known.stage === "A" && known.error) return { item: { ...counted, recorded: known.error } };
      break;
    default:
  }
  const { keyId, version } = item.ref;
  return { outcome: { keyId, version, status: "DONE" } };
}

function mark({ ref }: StageAItem, known: boolean): Write {
  if (known) return transition(ref, ["RECEIVED", "STAGE_A"], { status: "STAGE_A" });
  // Its item was lost, for example with a table that was restored to a point in time.
  log.warn("an object without an item is registered late", { key: ref.key });
  return register({ ...newItem(ref, new Date().toISOString()), status: "STAGE_A" });
}
