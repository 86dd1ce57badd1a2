import type { ObjectRef, ProcessedA, StageAItem, StageAState } from "../messages";
import type { Execution } from "../store/history";
import { itemName } from "../store/metadata";
import type { Count, Counters } from "../store/metrics";
import { nanodollars, objectCost } from "../usage";

/** What Stage A records about each of its objects, whatever became of it. */
export interface Tries {
  /** The object's entry of the history. */
  entry(item: StageAItem): Omit<Execution, "status">;
  /** What it counts for. */
  count(item: StageAItem, counters: Counters): Count;
}

/** The tries of an execution of Stage A. */
export function triesOf(
  state: Pick<StageAState, "items" | "failed" | "used" | "sizes" | "executionArn"> &
    Partial<Pick<StageAState, "processed">>,
): Tries {
  const items = state.items.length > 0 ? state.items : state.failed.map(({ item }) => item);
  const sizes = state.sizes ?? items.map(({ ref }) => ref.size);
  const { startedAt = new Date().toISOString() } = items[0] ?? {};
  const cost = objectCost({ stage: "A", startedAt, used: state.used }, sizes);
  const files = filesOf(state.processed ?? []);
  const costOf = (ref: ObjectRef) => cost(ref.size, files.get(itemName(ref)) ?? 0);
  const endedAt = new Date().toISOString();
  return {
    entry({ ref, startedAt: its, attempt, sequenceNumber }) {
      const { team, dataset, key, keyId, version, size } = ref;
      return {
        ...{ team, dataset, stage: "A", object: key, keyId, version, startedAt: its, endedAt, attempt, sequenceNumber },
        ...{ bytes: size, cost: costOf(ref), executionArn: state.executionArn },
      };
    },
    count({ ref, startedAt: its }, counters) {
      const milliseconds = Date.parse(endedAt) - Date.parse(its);
      const { team, dataset } = ref;
      return { team, dataset, counters: { ...counters, milliseconds, nanodollars: nanodollars(costOf(ref)) } };
    },
  };
}

/** How many files were put for each object: a share of one where objects share it. */
function filesOf(processed: ProcessedA[]): Map<string, number> {
  const sharing = new Map<string, number>();
  for (const { preKey } of processed) sharing.set(preKey, (sharing.get(preKey) ?? 0) + 1);
  return new Map(processed.map(({ item, preKey }) => [itemName(item.ref), 1 / (sharing.get(preKey) as number)]));
}
