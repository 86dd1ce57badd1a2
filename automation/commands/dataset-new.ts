import * as path from "node:path";
import { table } from "../cli/render/table";
import type { Values } from "../cli/specification";
import { createDataset, type Created } from "../datasets/create";
import type { CommandContext, Outcome } from "./context";

/** `tributary dataset new <team>/<dataset> --from FILE` */
export async function run({ root }: CommandContext, values: Values): Promise<Outcome> {
  const name = String(values.dataset);
  const created = await createDataset(root, name, path.resolve(String(values.from)));
  const { inferred, rows, files, manifest, expectations } = created;
  const next = "tributary deploy local";
  const { format, csv, columns, notes } = inferred;
  return {
    document: {
      ok: true,
      dataset: name,
      table: manifest.table,
      format,
      ...(csv ? { csv } : {}),
      columns,
      rows,
      expectations,
      notes,
      files,
      next,
    },
    text: describe(name, created, next),
  };
}

/** What was decided, for people. */
export function describe(name: string, created: Created, next: string): string {
  const { inferred, manifest, rows, files, expectations } = created;
  const { format, csv, columns, notes } = inferred;
  const dialect = csv
    ? `, delimiter ${JSON.stringify(csv.delimiter)}, quote ${csv.quote}, ${csv.header ? "with" : "without"} a header`
    : "";
  const list = columns.map((column) => ({
    column: column.name,
    type: column.type,
    field: column.field ?? column.name,
  }));
  return [
    `${name}: ${format}${dialect}; ${rows} rows through both stages; table ${manifest.table}\n`,
    `${table(["column", "type", "field"], list)}\n`,
    ...expectations.map(
      ({ name: expected, broken }) => `expectation ${expected}: ${broken === 0 ? "holds" : "broken"}\n`,
    ),
    ...notes.map((note) => `note: ${note}\n`),
    ...files.map((file) => `made ${file}\n`),
    `Next: look at types, comments, partitionBy and expectations in manifest.yaml, then ${next}\n`,
  ].join("");
}
