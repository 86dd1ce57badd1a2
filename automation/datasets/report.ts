import type { ExpectationResult } from "../../layer/transform/results";
import type { ReportedCase } from "../pipeline/reports/write";

/** An object whose rows broke an expectation. */
export interface BrokenIn {
  object: string;
  version: string;
  checked: number;
  broken: number;
}

/** What came of one expectation on all objects of a report. */
export interface ExpectationSummary extends Pick<ExpectationResult, "name" | "check" | "column" | "rule"> {
  /** Objects that it was asked of. */
  objects: number;
  /** Rows that were looked at; objects, where it is about whole objects. */
  checked: number;
  broken: number;
  /** Objects that broke it, those with most rows first. */
  brokenIn: BrokenIn[];
}

/** What came of a dataset's expectations. */
export interface ExpectationReport {
  dataset: string;
  objects: number;
  /** Rows of these objects in the table. */
  rows: number;
  /** Rows of these objects in quarantine. */
  quarantined: number;
  expectations: ExpectationSummary[];
}

/** What of an execution a report is made from. */
export interface Checked {
  object: string;
  version?: string;
  rows?: number;
  quarantined?: number;
  expectations?: Record<string, unknown>[];
}

/** Objects that a test case names at most. */
const NAMED = 20;

/**
 * Sums up what came of a dataset's expectations. Of each object the newest execution counts.
 *
 * @param executions of Stage B, newest first
 */
export function summarize(dataset: string, executions: readonly Checked[]): ExpectationReport {
  const newest = new Map<string, Checked>();
  for (const one of executions)
    if (one.expectations && one.expectations.length > 0 && !newest.has(one.object)) newest.set(one.object, one);
  const summaries = new Map<string, ExpectationSummary>();
  for (const one of newest.values())
    for (const result of (one.expectations ?? []) as unknown as ExpectationResult[]) add(summaries, one, result);
  const sum = (of: (one: Checked) => number | undefined) =>
    [...newest.values()].reduce((total, one) => total + (of(one) ?? 0), 0);
  for (const { brokenIn } of summaries.values()) brokenIn.sort((a, b) => b.broken - a.broken);
  return {
    dataset,
    objects: newest.size,
    rows: sum(({ rows }) => rows),
    quarantined: sum(({ quarantined }) => quarantined),
    expectations: [...summaries.values()],
  };
}

function add(summaries: Map<string, ExpectationSummary>, one: Checked, result: ExpectationResult): void {
  const { name, check, column, rule, checked, broken } = result;
  // A deployment may have changed the rule: what an object met is told as it was.
  const key = JSON.stringify([name, rule]);
  const summary = summaries.get(key) ?? {
    ...{ name, check, ...(column === undefined ? {} : { column }), rule },
    ...{ objects: 0, checked: 0, broken: 0, brokenIn: [] },
  };
  summary.objects++;
  summary.checked += checked;
  summary.broken += broken;
  if (broken > 0) summary.brokenIn.push({ object: one.object, version: one.version ?? "", checked, broken });
  summaries.set(key, summary);
}

/** Whether no expectation is broken whose rule is more than a warning. */
export function isMet({ expectations }: ExpectationReport): boolean {
  return expectations.every(({ rule, broken }) => rule === "warn" || broken === 0);
}

/** The report as test cases: an expectation each. What only warns is told as skipped, because it fails nothing. */
export function cases({ expectations }: ExpectationReport): ReportedCase[] {
  return expectations.map((one) => {
    const name = `${one.name} (${one.rule})`;
    if (one.broken === 0) return { name };
    return one.rule === "warn" ? { name, skipped: told(one) } : { name, failure: told(one) };
  });
}

/** How often it was broken, and by which objects. */
function told({ checked, broken, brokenIn, check }: ExpectationSummary): string {
  const unit = check === "rows" || check === "freshness" ? "objects" : "rows";
  const lines = brokenIn.slice(0, NAMED).map((one) => `  ${one.object}: ${one.broken} of ${one.checked}`);
  const more = brokenIn.length > NAMED ? [`  and ${brokenIn.length - NAMED} more objects`] : [];
  return [`${broken} of ${checked} ${unit} broke it, in ${brokenIn.length} objects:`, ...lines, ...more].join("\n");
}
