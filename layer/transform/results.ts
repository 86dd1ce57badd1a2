import { expectationName, type Expectation } from "../manifest/expectations";

/** What came of one expectation on one object, as the history keeps it. */
export interface ExpectationResult {
  /** `not_null(id)`, `rows`, `sql(name)`. */
  name: string;
  check: Expectation["check"];
  column?: string;
  rule: Expectation["rule"];
  /** Rows that were looked at; 1 where it is about the object. */
  checked: number;
  /** How many of them broke it. */
  broken: number;
}

/**
 * What came of every expectation of a manifest. On their way through a state machine only counts are carried, because all
 * objects of a batch have to fit into its state.
 *
 * @param rows rows of the object that stayed, and that went into quarantine
 * @param broken how many broke each, in the manifest's order
 */
export function expectationResults(
  { expectations }: { expectations: readonly Expectation[] },
  rows: { stayed: number; quarantined: number },
  broken: readonly number[],
): ExpectationResult[] {
  // A deployment in between may have changed the manifest: then nobody knows which count is of which.
  if (broken.length !== expectations.length) return [];
  return expectations.map((expected, index) => ({
    name: expectationName(expected),
    check: expected.check,
    ...("column" in expected ? { column: expected.column } : {}),
    rule: expected.rule,
    checked: checkedOf(expected, rows),
    broken: broken[index] as number,
  }));
}

function checkedOf(expected: Expectation, { stayed, quarantined }: { stayed: number; quarantined: number }): number {
  if (expected.check === "rows" || expected.check === "freshness") return 1;
  return expected.rule === "quarantine" ? stayed + quarantined : stayed;
}
