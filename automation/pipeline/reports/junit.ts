import { attribute, children, count, textOf, type Element } from "./xml";
import type { FailedTest, TestSummary } from "./types";

/** Failures that are told one by one. */
const told = 100;

/**
 * Sums up a JUnit report. Counts are of its test cases, not of the totals that it claims: programs disagree about what these
 * include.
 *
 * @returns undefined where the document is no JUnit report
 */
export function readJunit(document: Element): TestSummary | undefined {
  const suites = [...children(document, "testsuites"), ...children(document, "testsuite")];
  if (suites.length === 0) return undefined;
  const cases = suites.flatMap(casesOf);
  const failed = cases.filter(({ outcome }) => outcome === "failed");
  const skipped = cases.filter(({ outcome }) => outcome === "skipped").length;
  return {
    total: cases.length,
    passed: cases.length - failed.length - skipped,
    failed: failed.length,
    skipped,
    seconds: Math.round(cases.reduce((sum, { seconds }) => sum + seconds, 0) * 1000) / 1000,
    failures: failed.slice(0, told).map(({ name, message }) => ({ name, message })),
  };
}

interface Case extends FailedTest {
  outcome: "passed" | "failed" | "skipped";
  seconds: number;
}

function casesOf(suite: Element): Case[] {
  const nested = children(suite, "testsuite").flatMap(casesOf);
  return [...nested, ...children(suite, "testcase").map((test) => caseOf(test))];
}

function caseOf(test: Element): Case {
  const [problem] = [...children(test, "failure"), ...children(test, "error")];
  const name = [attribute(test, "classname"), attribute(test, "name")].filter(Boolean);
  const seconds = count(test, "time");
  // Some programs repeat the whole name in both.
  const shown = name[1]?.startsWith(name[0] ?? "") ? name[1] : name.join(" ");
  if (problem) return { name: shown, message: messageOf(problem), seconds, outcome: "failed" };
  return { name: shown, message: "", seconds, outcome: "skipped" in test ? "skipped" : "passed" };
}

function messageOf(problem: Element): string {
  const text = attribute(problem, "message") || textOf(problem);
  const line = text.split("\n").find((each) => each.trim() !== "") ?? "no message";
  return line.trim().slice(0, 500);
}

/** Adds up reports of one group. */
export function sumTests(summaries: TestSummary[]): TestSummary {
  const sum = (of: (summary: TestSummary) => number) => summaries.reduce((total, each) => total + of(each), 0);
  return {
    total: sum(({ total }) => total),
    passed: sum(({ passed }) => passed),
    failed: sum(({ failed }) => failed),
    skipped: sum(({ skipped }) => skipped),
    seconds: Math.round(sum(({ seconds }) => seconds) * 1000) / 1000,
    failures: summaries.flatMap(({ failures }) => failures).slice(0, told),
  };
}
