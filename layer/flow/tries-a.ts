import type { StageAItem, StageAState } from "../messages";
import type { Execution } from "../store/history";
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
export function triesOf(state: Pick<StageAState, "items" | "failed" | "used" | "sizes" | "executionArn">): Tries {
  const items = state.items.length > 0 ? state.items : state.failed.map(({ item }) => item);
  const sizes = state.sizes ?? items.map(({ ref }) => ref.size);
  const { startedAt = new Date().toISOString() } = items[0] ?? {};
  const cost = objectCost({ stage: "A", startedAt, used: state.used }, sizes);
  const endedAt = new Date().toISOString();
  return {
    entry({ ref, startedAt: its, attempt, sequenceNumber }) {
      const { team, dataset, key, keyId, version, size } = ref;
      return {
        ...{ team, dataset, stage: "A", object: key, keyId, version, startedAt: its, endedAt, attempt, sequenceNumber },
        ...{ bytes: size, cost: cost(size, 1), executionArn: state.executionArn },
      };
    },
    count({ ref, startedAt: its }, counters) {
      const milliseconds = Date.parse(endedAt) - Date.parse(its);
      const { team, dataset } = ref;
      return { team, dataset, counters: { ...counters, milliseconds, nanodollars: nanodollars(cost(ref.size, 1)) } };
    },
  };
}
