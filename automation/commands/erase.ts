import { oneLine } from "../cli/render/text";
import type { Values } from "../cli/specification";
import { userError } from "../errors";
import { withLake } from "../lake/connect";
import { erase, type EraseReport } from "../lake/erase/erase";
import { findEnvironment } from "../stacks/environments";
import type { CommandContext, Outcome } from "./context";

/** Undecided objects that are listed one by one for people. */
const listed = 20;

/** `tributary erase <env> <dataset>` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const environment = findEnvironment(context.root, String(values.env));
  const dataset = String(values.dataset);
  const dryRun = values.dryRun === true;
  if (!dryRun && values.yes !== dataset) {
    const found = typeof values.yes === "string" ? `--yes ${values.yes}` : "no --yes";
    throw userError(
      "NotConfirmed",
      `erase deletes records for ever, in all zones and all versions; found ${found}, allowed is --yes ${dataset}, or --dry-run`,
      "look at it with --dry-run first",
    );
  }
  const request = {
    dataset,
    dryRun,
    where: (values.where as string[] | undefined) ?? [],
    deleteUnreadable: values.deleteUnreadable === true,
    timeout: Number(values.timeout),
  };
  const report = await withLake(context.root, environment, (lake) => erase(lake, request, context));
  return { document: report, text: describe(report), exitCode: report.ok ? 0 : 1 };
}

/** The result for people. */
export function describe(report: EraseReport): string {
  const { dryRun, raw, table, quarantine, intermediate, undecided, left } = report;
  const verb = dryRun ? "would be" : "were";
  const lines = [
    `raw: ${raw.records} records in ${raw.rewritten.length + raw.deleted.length} of ${raw.scanned} object versions ${verb} erased, ${raw.versions} versions ${verb} deleted`,
    `table: ${table.rows} rows in ${table.changed.length} of ${table.scanned} files`,
    `quarantine: ${quarantine.rows} rows in ${quarantine.changed.length} of ${quarantine.scanned} files`,
    `Stage A: ${intermediate.changed.length} of ${intermediate.scanned} files`,
    `${report.formerVersions} former versions of these files, ${report.engineFiles} files of engines, ${report.queryResults} query results`,
    `${report.messages} messages of failures in the control tables`,
    ...(dryRun
      ? []
      : [left === 0 ? "nothing is left in the table" : `${left} rows are left: run the same command again`]),
    ...undecided.slice(0, listed).map(({ key, reason }) => `undecided: ${oneLine(key)}: ${oneLine(reason)}`),
    ...(undecided.length > listed ? [`and ${undecided.length - listed} more`] : []),
    ...(undecided.length > 0 ? ["look at these yourself, or let --delete-unreadable delete them"] : []),
    ...(report.proof ? [`recorded as ${report.proof.digest}; keep the salt ${report.proof.salt}`] : []),
  ];
  return `${lines.join("\n")}\n`;
}
