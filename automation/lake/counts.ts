import { chunk } from "../../layer/chunk";
import { readMetrics } from "../../layer/store/metrics";
import type { Lake } from "./connect";
import { entries } from "./executions";
import { readItems, type Version } from "./history";
import { findDataset } from "./outputs";

/** What became of a dataset's objects, from its counters. received = processed + failed + inFlight. */
export interface Counts {
  /** Object versions that came. */
  received: number;
  processed: number;
  failed: number;
  /** On their way. */
  inFlight: number;
  /** Of processed ones: their rows are not in the table, because a later version was there already. */
  superseded: number;
  /** Rows that were processed; those of a version count again when it is processed again. */
  rows: number;
  /** Bytes of the received objects. */
  bytes: number;
  /** Time of all tries. */
  milliseconds: number;
  /** What the tries cost, in USD. */
  cost: number;
}

/** Days that are counted, e.g. `2026-11-21`, both included. Times are UTC. */
export interface Days {
  from?: string;
  to?: string;
}

/** A dataset's counters. Of some days only, `inFlight` may be off by what was on its way at midnight. */
export async function counts(lake: Lake, dataset: string, days: Days = {}): Promise<Counts> {
  const { team, dataset: name } = findDataset(lake.outputs, dataset);
  const source = { dynamodb: lake.dynamodb, table: lake.outputs.metricsTable };
  return countsOf(await readMetrics(team, name, { ...days, source }));
}

/** Counters as they are reported: what was taken back by a redrive counts only where it ended. */
export function countsOf(counters: Record<string, number>): Counts {
  const of = (name: string) => counters[name] ?? 0;
  const processed = of("processed") - of("reprocessed");
  const failed = of("failed") - of("redriven");
  return {
    ...{ received: of("received"), processed, failed, inFlight: of("received") - processed - failed },
    ...{ superseded: of("superseded"), rows: of("rows"), bytes: of("bytes"), milliseconds: of("milliseconds") },
    cost: of("nanodollars") / 1e9,
  };
}

/** Whether a dataset's tables agree with each other. */
export interface Proof {
  /** Every object that came has one outcome, and counters, history and items say the same. */
  holds: boolean;
  counts: Counts;
  /** What does not agree; empty where it holds. */
  differences: string[];
}

/**
 * Proves from the control tables alone that nothing of a dataset was lost or counted twice: every version that the history
 * tells of has an item with an outcome, there are as many as were received, and as many of each outcome as the counters say.
 * For a dataset at rest, within the time that history and counters are kept.
 */
export async function proveCounts(lake: Lake, dataset: string): Promise<Proof> {
  const [told, history] = await Promise.all([counts(lake, dataset), entries(lake, { datasets: [dataset] })]);
  const versions = new Map<string, Version>();
  for (const entry of history) {
    const { keyId, version } = entry as unknown as Version;
    versions.set(`${keyId} ${version}`, { keyId, version });
  }
  const found = { processed: 0, failed: 0, items: 0 };
  const open: string[] = [];
  for (const part of chunk([...versions.values()], { most: 1_000, of: () => 1 })) {
    for (const item of await readItems(lake, part)) {
      found.items++;
      if (item.status === "PROCESSED") found.processed++;
      else if (item.status === "FAILED") found.failed++;
      else open.push(`${item.keyId}/${item.version} is ${item.status}`);
    }
  }
  const differences = [
    ...(told.inFlight === 0 ? [] : [`${told.inFlight} objects are counted as on their way`]),
    ...differs("received", told.received, versions.size, "versions in the history"),
    ...differs("received", told.received, found.items, "items"),
    ...differs("processed", told.processed, found.processed, "items PROCESSED"),
    ...differs("failed", told.failed, found.failed, "items FAILED"),
    ...open.slice(0, 20),
  ];
  return { holds: differences.length === 0, counts: told, differences };
}

function differs(counter: string, counted: number, there: number, what: string): string[] {
  return counted === there ? [] : [`the counter ${counter} is ${counted}, and there are ${there} ${what}`];
}
