import { executionArn } from "../executions";
import type { Manifest } from "../manifest-schema";
import type { FailedB, HandedOver, ProcessedB, StageBState } from "../messages";
import type { Execution } from "../store/history";
import type { Count, Counters } from "../store/metrics";
import { expectationResults } from "../transform/results";
import { nanodollars, objectCost } from "../usage";

/** An object of a batch, with what became of it as far as that is known. */
type Tried = Pick<FailedB, "item" | "attempt" | "checked"> & Partial<Omit<ProcessedB, "item" | "attempt">>;

/** What Stage B records about each of its objects, whatever became of it. */
export interface Tries {
  /** The object's entry of the history. */
  entry(tried: Tried): Omit<Execution, "status">;
  /** What it counts for. */
  count(tried: Tried, counters: Counters): Count;
}

/** The tries of a batch. */
export function triesOf(state: StageBState, manifest: Manifest | undefined): Tries {
  const { startedAt, used, engine = "duckdb", batchId } = state;
  const endedAt = new Date().toISOString();
  const cost = objectCost(
    { stage: "B", startedAt, used },
    state.items.map(({ size }) => size),
  );
  const costOf = ({ item, files = [] }: Tried) => cost(item.size, files.length);
  return {
    entry(tried) {
      const { attempt, bytes, quarantined } = tried;
      const { team, dataset, key, keyId, version } = tried.item;
      return {
        ...{ team, dataset, stage: "B", object: key, keyId, version, startedAt, endedAt, attempt },
        ...{ bytes, engine, cost: costOf(tried), executionArn: executionArn(batchId), batchId },
        ...{ quarantined: quarantined?.rows, expectations: manifest && expectationsOf(tried, manifest) },
      };
    },
    count(tried, counters) {
      const { team, dataset }: HandedOver = tried.item;
      const milliseconds = Date.parse(endedAt) - Date.parse(startedAt);
      return { team, dataset, counters: { ...counters, milliseconds, nanodollars: nanodollars(costOf(tried)) } };
    },
  };
}

function expectationsOf({ checked, broken, rows = 0, quarantined }: Tried, manifest: Manifest) {
  if (checked) {
    return expectationResults(manifest, { stayed: checked.rows, quarantined: checked.quarantined }, checked.broken);
  }
  return broken && expectationResults(manifest, { stayed: rows, quarantined: quarantined?.rows ?? 0 }, broken);
}
