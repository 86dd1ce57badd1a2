import { attribute, children, count, type Element } from "./xml";
import type { CoverageSummary } from "./types";

/**
 * Reads a Cobertura report: the totals of its root, or those of its lines where the root has none.
 *
 * @returns undefined where the document is none
 */
export function readCobertura(document: Element): CoverageSummary | undefined {
  const [root] = children(document, "coverage");
  if (!root || children(root, "packages").length === 0) return undefined;
  if (attribute(root, "lines-valid") !== "") {
    return {
      lines: { covered: count(root, "lines-covered"), total: count(root, "lines-valid") },
      branches: { covered: count(root, "branches-covered"), total: count(root, "branches-valid") },
    };
  }
  const lines = descend(root, ["packages", "package", "classes", "class", "lines", "line"]);
  const covered = lines.filter((line) => count(line, "hits") > 0).length;
  return { lines: { covered, total: lines.length }, branches: { covered: 0, total: 0 } };
}

/**
 * Reads a Clover report: the metrics of its project.
 *
 * @returns undefined where the document is none
 */
export function readClover(document: Element): CoverageSummary | undefined {
  const [metrics] = descend(document, ["coverage", "project", "metrics"]);
  if (!metrics) return undefined;
  return {
    lines: { covered: count(metrics, "coveredstatements"), total: count(metrics, "statements") },
    branches: { covered: count(metrics, "coveredconditionals"), total: count(metrics, "conditionals") },
  };
}

function descend(element: Element, path: string[]): Element[] {
  return path.reduce((found, name) => found.flatMap((each) => children(each, name)), [element]);
}

/** Adds up reports of one group. */
export function sumCoverage(summaries: CoverageSummary[]): CoverageSummary {
  const add = (of: (summary: CoverageSummary) => { covered: number; total: number }) => ({
    covered: summaries.reduce((sum, each) => sum + of(each).covered, 0),
    total: summaries.reduce((sum, each) => sum + of(each).total, 0),
  });
  return { lines: add(({ lines }) => lines), branches: add(({ branches }) => branches) };
}

/** Covered of all in percent, to one digit; 100 where there is nothing to cover. */
export function percent({ covered, total }: { covered: number; total: number }): number {
  return total === 0 ? 100 : Math.round((covered / total) * 1000) / 10;
}
