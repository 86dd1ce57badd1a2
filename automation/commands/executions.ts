import { table } from "../cli/render/table";
import type { Values } from "../cli/specification";
import { withLake } from "../lake/connect";
import { executions, type Execution } from "../lake/executions";
import { findDataset } from "../lake/outputs";
import { findEnvironment } from "../stacks/environments";
import type { CommandContext, Outcome } from "./context";

/** `tributary executions <env>` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const environment = findEnvironment(context.root, String(values.env));
  const found = await withLake(context.root, environment, async (lake) => {
    if (typeof values.dataset === "string") findDataset(lake.outputs, values.dataset);
    const datasets = typeof values.dataset === "string" ? [values.dataset] : Object.keys(lake.outputs.datasets);
    const limit = typeof values.limit === "number" ? values.limit : undefined;
    return executions(lake, { datasets, failed: values.failed === true, limit });
  });
  return { document: found, text: describe(found) };
}

/** Executions as a table. */
export function describe(found: Execution[]): string {
  if (found.length === 0) return "no executions\n";
  const rows = found.map(({ endedAt, startedAt, object, stage, status, error }) => ({
    ended: endedAt.replace("T", " ").replace(/\.\d+Z$/, "Z"),
    seconds: Math.round(Date.parse(endedAt) - Date.parse(startedAt)) / 1000,
    stage,
    status,
    object,
    error: error ?? null,
  }));
  return `${table(["ended", "seconds", "stage", "status", "object", "error"], rows)}\n`;
}
