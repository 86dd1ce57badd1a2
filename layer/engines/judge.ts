import { LayerError, Rejection } from "../errors";
import type { Manifest } from "../manifest-schema";
import { expectationName } from "../manifest/expectations";
import type { FailedB, HandedOver } from "../messages";
import { ExpectationsFailed } from "../transform/expectations";

/** What an engine counted before it writes anything; see `Statements.check`. */
export interface Counts {
  records: number;
  rows: number;
  goodRows: number;
  partitions: number;
  /** Rows that break each expectation, in the manifest's order. */
  broken: number[];
}

/**
 * The counts of a result row.
 *
 * @throws LayerError `EngineAnswerInvalid`
 */
export function countsOf(row: readonly unknown[]): Counts {
  const numbers = row.map(Number);
  if (numbers.length < 4 || !numbers.every(Number.isSafeInteger))
    throw new LayerError("EngineAnswerInvalid", `the engine counted ${JSON.stringify(row)}`);
  const [records = 0, rows = 0, goodRows = 0, partitions = 0, ...broken] = numbers;
  return { records, rows, goodRows, partitions, broken };
}

/**
 * Whether an object's rows may go into its table.
 *
 * @throws Rejection `RecordsDiffer`, `ExpectationFailed` or `TooManyPartitions`
 */
export function judge(counts: Counts, item: HandedOver, { expectations, limits }: Manifest): void {
  const { records, rows, goodRows, partitions, broken } = counts;
  if (records !== item.rows) {
    const why = `the engine read ${records} records of ${item.rows}: values with line breaks are for engine duckdb or glue`;
    throw new Rejection("RecordsDiffer", why);
  }
  const failed = expectations.flatMap((expected, index) => {
    const count = broken[index] ?? 0;
    return expected.rule === "fail" && count > 0
      ? [`${expectationName(expected)} is broken by ${count} of ${goodRows} rows`]
      : [];
  });
  if (failed.length > 0) {
    const checked = { rows: goodRows, quarantined: rows - goodRows, broken };
    throw new ExpectationsFailed("ExpectationFailed", failed.join("; "), checked);
  }
  if (partitions > limits.partitionsPerObject) {
    const allowed = `${limits.partitionsPerObject} that the manifest allows (limits.partitionsPerObject)`;
    throw new Rejection("TooManyPartitions", `the rows fall into ${partitions} partitions, more than the ${allowed}`);
  }
}

/** What a failed object's record tells of its expectations. */
export function checkedOf(error: unknown): Pick<FailedB, "checked"> {
  return error instanceof ExpectationsFailed ? { checked: error.checked } : {};
}
