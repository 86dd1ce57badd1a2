import { z } from "zod";
import { identifier, isNested, type } from "./types";

// The descriptions become those of datasets/manifest.schema.json, which editors show.

/** Most steps from a record to a nested field. */
const LONGEST_PATH = 16;

const step = z.union([z.string().min(1).max(255), z.int().min(0).max(9_999)]);

const pointer = z
  .string()
  .max(1_000)
  .regex(/^(\/([^~/]|~[01])+){1,16}$/, 'a JSON pointer such as "/address/city", or a list of names and positions');

const inputColumn = z
  .strictObject({
    name: identifier.describe("Name of the column in the view `input` that the transform reads."),
    type: type.describe("Type that every value has to fit; `evolution.retyped` says what happens to others."),
    field: z
      .string()
      .min(1)
      .max(255)
      .describe("JSON field, CSV header or Parquet column that it is read from. Default: `name`.")
      .optional(),
    path: z
      .union([z.array(step).min(1).max(LONGEST_PATH), pointer])
      .describe("Where in nested records it is read from, instead of `field`: names and positions, or a JSON pointer.")
      .optional(),
    default: z
      .string()
      .max(1_000)
      .describe("What stands, with `evolution.missing: add`, where a record has no value. Default: NULL.")
      .optional(),
  })
  .refine((column) => column.field === undefined || column.path === undefined, "has either field or path");

const character = (message: string) => z.string().regex(/^[\t\x20-\x7e]$/, message);

const csv = z.strictObject({
  header: z.boolean().describe("Whether the first line names the columns. Default: true.").default(true),
  delimiter: character("one ASCII character that may be printed, or a tab")
    .describe("Between two values. Default: that of , ; tab and | by which the header has most of the columns.")
    .optional(),
  quote: character("one ASCII character that may be printed")
    .describe(
      "Around values that hold delimiters, quotes or line breaks; written twice within. Default: a double quote.",
    )
    .default('"'),
});

/** `input` of a manifest: what producers send. */
export const input = z.strictObject({
  format: z
    .enum(["auto", "json", "csv", "parquet"])
    .describe("What objects hold. `auto` goes by their first bytes, never by their names.")
    .default("auto"),
  csv: csv.describe("How CSV is written.").default({ header: true, quote: '"' }),
  columns: z
    .array(inputColumn)
    .min(1)
    .max(1_000)
    .describe("What is read of every record; `evolution.new` says what happens to other fields."),
});

const rule = z.enum(["add", "ignore", "fail"]);

/** `evolution` of a manifest: what happens when records differ from `input.columns`. */
export const evolution = z.strictObject({
  new: rule
    .describe(
      "Fields that no column names. `ignore` leaves them out, `add` carries them in the table's column `_extra` as JSON, `fail` rejects the object. Default: ignore.",
    )
    .default("ignore"),
  missing: rule
    .describe(
      "Fields that a column names and no record of the object has. `ignore` makes them NULL, `add` makes every missing value the column's `default`, `fail` rejects the object. Default: ignore.",
    )
    .default("ignore"),
  retyped: rule
    .describe(
      "Values that do not fit their column's type. `fail` rejects the object, `ignore` makes them NULL, `add` makes them NULL and keeps their text in `_extra`. Default: fail.",
    )
    .default("fail"),
});

/** `evolution` of a manifest that says nothing about it. */
export const EVOLUTION = { new: "ignore", missing: "ignore", retyped: "fail" } as const;

/** The column of `input`, and of the table, for what a rule `add` keeps. No column of a manifest can have this name. */
export const EXTRA = "_extra";

/** A column of the source records. */
export type InputColumn = z.infer<typeof inputColumn>;
/** How the CSV of a dataset is written. */
export type CsvSettings = z.infer<typeof csv>;
/** What happens when records differ from the manifest. */
export type Evolution = z.infer<typeof evolution>;

/** The steps from a record to a column's value: a field, and, in nested records, what follows. */
export function stepsOf(column: Pick<InputColumn, "name" | "field" | "path">): [string, ...string[]] {
  const { name, field, path } = column;
  if (path === undefined) return [field ?? name];
  if (typeof path !== "string") return path.map(String) as [string, ...string[]];
  const steps = path
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  return steps as [string, ...string[]];
}

/** True where something is kept in {@link EXTRA}: then the SQL has to give that column, and the table has it. */
export function keepsExtra({ evolution: rules }: { evolution: Evolution }): boolean {
  return rules.new === "add" || rules.retyped === "add";
}

/** What the rules of schema evolution need to know of a manifest. */
interface Columns {
  input: { csv: { delimiter?: string | undefined; quote: string }; columns: InputColumn[] };
  evolution: Evolution;
}

/** Reports a problem at a property path. */
export type Problem = (path: (string | number)[], message: string) => void;

/** Rules across the properties of `input` and `evolution`. */
export function checkInput(manifest: Columns, problem: Problem): void {
  const { columns, csv: settings } = manifest.input;
  if (settings.delimiter === settings.quote) problem(["input", "csv", "delimiter"], "is the quote, too");
  duplicates(columns.map((column) => JSON.stringify(stepsOf(column)))).forEach((index) =>
    problem(["input", "columns", index], "reads a field that another column reads already"),
  );
  columns.forEach((column, index) => {
    if (column.default !== undefined && isNested(column.type))
      problem(["input", "columns", index, "default"], "is only for plain types");
    if (column.default !== undefined && manifest.evolution.missing !== "add")
      problem(["input", "columns", index, "default"], "is used only with evolution.missing: add");
  });
}

/** Places of values that stand further in front already. */
export function duplicates(values: string[]): number[] {
  const seen = new Set<string>();
  return values.flatMap((value, index) => {
    if (seen.has(value)) return [index];
    seen.add(value);
    return [];
  });
}
