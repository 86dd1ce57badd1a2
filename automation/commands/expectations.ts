import * as path from "node:path";
import { table } from "../cli/render/table";
import type { Values } from "../cli/specification";
import { cases, isMet, summarize, type ExpectationReport } from "../datasets/report";
import { withLake } from "../lake/connect";
import { executions } from "../lake/executions";
import { momentOf } from "../lake/moment";
import { findDataset } from "../lake/outputs";
import { writeJunit } from "../pipeline/reports/write";
import { findEnvironment } from "../stacks/environments";
import type { CommandContext, Outcome } from "./context";

/** `tributary expectations <env> <team>/<dataset>` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const environment = findEnvironment(context.root, String(values.env));
  const name = String(values.dataset);
  const since = typeof values.since === "string" ? momentOf(values.since, "--since") : undefined;
  const found = await withLake(context.root, environment, (lake) => {
    findDataset(lake.outputs, name);
    return executions(lake, { datasets: [name], stage: "B", since });
  });
  const report = summarize(name, found);
  const junit = typeof values.junit === "string" ? path.resolve(values.junit) : undefined;
  if (junit !== undefined) await writeJunit(junit, `expectations of ${name} in ${environment.name}`, cases(report));
  const ok = isMet(report);
  return {
    document: { ok, ...report, ...(junit === undefined ? {} : { junit }) },
    text: describe(report, junit),
    exitCode: ok ? 0 : 1,
  };
}

/** The report for people. */
export function describe(report: ExpectationReport, junit?: string): string {
  const { dataset, objects, rows, quarantined, expectations } = report;
  if (objects === 0) return `${dataset}: no object was checked\n`;
  const list = expectations.map(({ name, rule, broken, checked, brokenIn }) => ({
    expectation: name,
    rule,
    broken,
    of: checked,
    "worst object": brokenIn[0]?.object ?? null,
  }));
  return [
    `${table(["expectation", "rule", "broken", "of", "worst object"], list)}\n`,
    `${dataset}: ${objects} objects, ${rows} rows in the table, ${quarantined} in quarantine\n`,
    ...(junit === undefined ? [] : [`wrote ${junit}\n`]),
  ].join("");
}
