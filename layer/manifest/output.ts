import { z } from "zod";
import { duplicates, EXTRA, keepsExtra, type Evolution, type Problem } from "./schema";
import { identifier, parseType, type, type ColumnType } from "./types";

/** Rows of a row group, where the manifest says nothing: what DuckDB writes by itself. */
const ROW_GROUP = 122_880;

const outputColumn = z.strictObject({
  name: identifier.describe("Name of the table's column; the transform has to give it."),
  type: type.describe("Type of the table's column."),
  comment: z.string().max(255).describe("What the catalogue says about it.").optional(),
});

/** `output` of a manifest: the table. */
export const output = z.strictObject({
  format: z
    .enum(["parquet", "iceberg"])
    .describe("What the table is: Parquet files in folders, or an Apache Iceberg table over them. Default: parquet.")
    .default("parquet"),
  rowGroupSize: z
    .int()
    .min(2_048)
    .max(10_000_000)
    .describe("Most rows of a Parquet row group, each with statistics of its columns. Default: 122880.")
    .default(ROW_GROUP),
  columns: z.array(outputColumn).min(1).max(1_000).describe("Columns, in the table's order."),
});

/** `output` without its columns, where a manifest says nothing. */
export const OUTPUT = { format: "parquet", rowGroupSize: ROW_GROUP } as const;

const datePart = z.strictObject({
  column: identifier.describe("An output column of type date or timestamp; it stays in the files."),
  by: z
    .enum(["year", "month", "day", "hour"])
    .describe("The folder is `<column>_<by>=`, its value 2026, 2026-11, 2026-11-21 or 2026-11-21-13."),
});

/** `partitionBy` of a manifest. */
export const partitionBy = z.array(z.union([identifier, datePart])).max(3);

/** A column of the table. */
export type OutputColumn = z.infer<typeof outputColumn>;

/** One level of a table's folders. */
export interface PartitionKey {
  /** Name of the folders, and of the partition column in the catalogue. */
  name: string;
  /** Glue's type. Parts of dates are text, whose order is that of time. */
  type: string;
  comment?: string | undefined;
  /** The output column whose values it has. */
  column: string;
  /** The part of the date, where it is not the whole value. */
  by?: "year" | "month" | "day" | "hour" | undefined;
}

/** What of a manifest decides about its table. */
export interface TableOf {
  output: { columns: OutputColumn[] };
  partitionBy: z.infer<typeof partitionBy>;
  evolution: Evolution;
}

/** The partition columns of a table, outermost first. */
export function partitionKeys({ output: table, partitionBy: keys }: Omit<TableOf, "evolution">): PartitionKey[] {
  return keys.map((key) => {
    if (typeof key !== "string") return { name: `${key.column}_${key.by}`, type: "string", ...key };
    const found = table.columns.find(({ name }) => name === key);
    return { name: key, type: found?.type ?? "string", comment: found?.comment, column: key };
  });
}

/** The columns that are in a table's files: the manifest's without whole partition columns, and `_extra` where it is kept. */
export function fileColumns(manifest: TableOf): OutputColumn[] {
  const folders = new Set(manifest.partitionBy.filter((key) => typeof key === "string"));
  const columns = manifest.output.columns.filter(({ name }) => !folders.has(name));
  return keepsExtra(manifest) ? [...columns, EXTRA_COLUMN] : columns;
}

/** The column for what a rule `add` of the evolution keeps. */
export const EXTRA_COLUMN: OutputColumn = {
  name: EXTRA,
  type: "string",
  comment: "Fields that the manifest does not name, and values that did not fit, as JSON",
};

/** Rules across `output` and `partitionBy`. */
export function checkOutput(manifest: TableOf, problem: Problem): void {
  const types = new Map(manifest.output.columns.map(({ name, type: text }) => [name, text]));
  const keys = partitionKeys(manifest);
  duplicates(keys.map(({ name }) => name)).forEach((index) => problem(["partitionBy", index], "is there twice"));
  keys.forEach(({ name, column, by }, index) => {
    const found = types.get(column);
    if (found === undefined)
      problem(["partitionBy", index], `"${column}" is no output column: ${[...types.keys()].join(", ")}`);
    else if (by === undefined && found.includes("<"))
      problem(["partitionBy", index], `${column} is ${found}: no folder`);
    else if (by !== undefined && found !== "timestamp" && (found !== "date" || by === "hour"))
      problem(
        ["partitionBy", index],
        `${column} is ${found}; by: ${by} takes a ${by === "hour" ? "" : "date or "}timestamp`,
      );
    if (by !== undefined && types.has(name))
      problem(["partitionBy", index], `would be ${name}, which is an output column`);
  });
  if (keys.filter(({ by }) => by === undefined).length === manifest.output.columns.length)
    problem(["partitionBy"], "at least one column has to stay in the files");
  manifest.output.columns.forEach(({ type: text }, index) => {
    const parsed = parseType(text);
    if (parsed && !lowerCase(parsed))
      problem(
        ["output", "columns", index, "type"],
        "names of a table's fields are lower-case letters, digits, underscores",
      );
  });
}

/** The catalogue has no capitals. */
function lowerCase(found: ColumnType): boolean {
  if (found.kind === "plain") return true;
  if (found.kind === "array") return lowerCase(found.of);
  return found.fields.every(({ name, type: inner }) => name === name.toLowerCase() && lowerCase(inner));
}
