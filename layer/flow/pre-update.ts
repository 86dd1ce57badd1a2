import { maxAttempts } from "../config";
import { LayerError } from "../errors";
import { log } from "../log";
import type { Outcome, StageAInput, StageAItem, StageAState } from "../messages";
import { itemName, newItem, readItems, register, type ObjectItem } from "../store/metadata";
import { arrived } from "../store/metrics";
import { commit, type Write } from "../store/transactions";

/** What PreUpdate answers. */
type PreUpdated = Pick<StageAState, "items" | "outcomes" | "executionArn">;

/** What PreUpdate decides for an object. */
type Decision = { item: StageAItem; late?: boolean } | { outcome: Outcome };

/**
 * Before Stage A: finds out where each object stands, takes out what has its outcome already, and counts attempts. It does not
 * mark the rest as being processed: that would be one write in six of an object's whole way, and says nothing that lasts.
 */
export async function preUpdate({ items, executionArn }: StageAInput): Promise<PreUpdated> {
  const known = await readItems(items.map(({ ref }) => ref));
  const decisions = items.map((item) => decide(item, known.get(itemName(item.ref))));
  const late = decisions.flatMap((decision) => ("item" in decision && decision.late ? [decision.item] : []));
  const answers = await commit(
    late.map((item) => [registerLate(item)]),
    late.map(({ ref }) => arrived(ref)),
  );
  const refused = answers.flatMap((answer, index) => (answer.written ? [] : [late[index]?.ref.key]));
  if (refused.length > 0) {
    // Somebody else moved it on since it was read: the next try of this state sees how.
    throw new LayerError(
      "StateChanged",
      `${refused.length} objects changed their state meanwhile: ${refused.join(", ").slice(0, 300)}`,
    );
  }
  return {
    executionArn,
    items: decisions.flatMap((decision) => ("item" in decision ? [decision.item] : [])),
    outcomes: decisions.flatMap((decision) => ("outcome" in decision ? [decision.outcome] : [])),
  };
}

function decide(item: StageAItem, known: ObjectItem | undefined): Decision {
  const attempt = (known?.attempts ?? 0) + 1;
  const counted = { ...item, attempt, lastAttempt: attempt >= maxAttempts() };
  switch (known?.status) {
    case undefined:
      return { item: counted, late: true };
    case "RECEIVED":
    case "STAGE_A":
      return { item: counted };
    case "STAGE_A_DONE":
      return { item: { ...counted, done: doneBefore(known) } };
    case "FAILED":
      if (known.stage === "A" && known.error) return { item: { ...counted, recorded: known.error } };
      break;
    default:
  }
  const { keyId, version } = item.ref;
  return { outcome: { keyId, version, status: "DONE" } };
}

function doneBefore({ preKey = "", preStart, preBytes, rows = 0 }: ObjectItem): NonNullable<StageAItem["done"]> {
  return { preKey, preStart, preBytes, rows };
}

/** Its item was lost, for example with a table that was restored to a point in time. */
function registerLate({ ref }: StageAItem): Write {
  log.warn("an object without an item is registered late", { key: ref.key });
  return register(newItem(ref, new Date().toISOString()));
}
