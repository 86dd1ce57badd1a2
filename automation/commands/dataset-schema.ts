import { oneLine } from "../cli/render/text";
import type { Values } from "../cli/specification";
import { withLake } from "../lake/connect";
import { findDataset } from "../lake/outputs";
import { schemaHistory, type SchemaChange } from "../lake/schemas";
import { findEnvironment } from "../stacks/environments";
import type { CommandContext, Outcome } from "./context";

/** `tributary dataset schema <env> <team>/<dataset>` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const environment = findEnvironment(context.root, String(values.env));
  const dataset = String(values.dataset);
  const versions = await withLake(context.root, environment, (lake) => {
    findDataset(lake.outputs, dataset);
    return schemaHistory(lake, dataset);
  });
  return { document: { dataset, versions }, text: describe(dataset, versions) };
}

/** Fields that a line names; the document has all. */
const SHOWN = 50;

/** The versions for people, oldest first, each with what it changed. */
export function describe(dataset: string, versions: readonly SchemaChange[]): string {
  const last = versions.at(-1);
  if (last === undefined) return `${dataset}: no object was looked at yet\n`;
  const lines = versions.flatMap(({ version, recordedAt, object, source, added, removed, retyped }) => [
    `version ${version}  ${recordedAt.replace("T", " ").replace(/\.\d+Z$/, "Z")}  ${object ?? `an object that is not known any more (${source.keyId})`}`,
    ...changed(
      version === 1 ? "fields" : "added",
      added.map(({ name, type }) => `${name} ${type}`),
    ),
    ...changed(
      "removed",
      removed.map(({ name, type }) => `${name} ${type}`),
    ),
    ...changed(
      "retyped",
      retyped.map(({ name, from, to }) => `${name} ${from} -> ${to}`),
    ),
  ]);
  const sum = `${dataset}: versions: ${versions.length}; fields now: ${last.columns.length}`;
  return `${[...lines, sum].map(oneLine).join("\n")}\n`;
}

function changed(what: string, fields: string[]): string[] {
  if (fields.length === 0) return [];
  const more = fields.length > SHOWN ? `, and ${fields.length - SHOWN} more (--json)` : "";
  return [`  ${what.padEnd(8)} ${fields.slice(0, SHOWN).join(", ")}${more}`];
}
