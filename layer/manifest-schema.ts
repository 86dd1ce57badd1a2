import { z } from "zod";

/** The column types a dataset may use: the Glue types that Athena and DuckDB both have. */
export const COLUMN_TYPE = /^(string|boolean|int|bigint|float|double|date|timestamp|decimal\(\d{1,2},\d{1,2}\))$/;

/** What teams and datasets may be called. */
export const datasetName = /^[a-z][a-z0-9-]{0,29}$/;
const IDENTIFIER = /^[a-z][a-z0-9_]{0,127}$/;
const SIZE = /^([1-9]\d{0,5}) (KB|MB|GB)$/;
const UNIT = { KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 } as const;

const name = z
  .string()
  .regex(datasetName, "lower-case letters, digits and hyphens, starting with a letter, at most 30");
const identifier = z.string().regex(IDENTIFIER, "lower-case letters, digits and underscores, starting with a letter");
const type = z
  .string()
  .regex(COLUMN_TYPE, "string, boolean, int, bigint, float, double, date, timestamp or decimal(p,s)");
const rule = z.enum(["fail", "warn"]);

// The descriptions become those of datasets/manifest.schema.json, which editors show.

const inputColumn = z.strictObject({
  name: identifier.describe("Name of the column in the view `input` that the transform reads."),
  type: type.describe("Type that every value has to fit; an object with another value is rejected."),
  field: z
    .string()
    .min(1)
    .max(255)
    .describe("JSON field, CSV header or Parquet column that it is read from. Default: `name`.")
    .optional(),
});

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

const input = z.strictObject({
  format: z
    .enum(["auto", "json", "csv", "parquet"])
    .describe("What objects hold. `auto` goes by their first bytes, never by their names.")
    .default("auto"),
  csv: csv.describe("How CSV is written.").default({ header: true, quote: '"' }),
  columns: z.array(inputColumn).min(1).max(500).describe("What is read of every record; other fields are left out."),
});

const outputColumn = z.strictObject({
  name: identifier.describe("Name of the table's column; the transform has to give it."),
  type: type.describe("Type of the table's column."),
  comment: z.string().max(255).describe("What the catalogue says about it.").optional(),
});

const column = identifier.describe("An output column.");
const described = rule.describe("`fail` rejects the object, `warn` says so in the function's log.");
const kind = <T extends string>(value: T, text: string) => z.literal(value).describe(text);

const expectation = z.discriminatedUnion("check", [
  z.strictObject({ check: kind("not_null", "The column is never NULL."), column, rule: described }),
  z.strictObject({ check: kind("unique", "No value comes twice within the object."), column, rule: described }),
  z
    .strictObject({
      check: kind("range", "No value is below `min` or above `max`; NULL is fine."),
      column,
      min: z.number().describe("Least value that is allowed.").optional(),
      max: z.number().describe("Greatest value that is allowed.").optional(),
      rule: described,
    })
    .refine((range) => range.min !== undefined || range.max !== undefined, "needs min, max or both")
    .refine((range) => (range.min ?? -Infinity) <= (range.max ?? Infinity), "min is above max"),
  z.strictObject({
    check: kind("rows", "The object has at least `min` rows."),
    min: z.int().min(0).describe("Least number of rows."),
    rule: described,
  }),
]);

const limits = z.strictObject({
  objectSize: z
    .string()
    .regex(SIZE, 'a whole number and KB, MB or GB, such as "256 MB"')
    .describe("Largest object, packed and unpacked. Default: 256 MB.")
    .default("256 MB"),
  partitionsPerObject: z
    .int()
    .min(1)
    .max(100)
    .describe("Into how many partitions the rows of one object may fall; each is a file. Default: 20.")
    .default(20),
});

/** What `manifest.yaml` of a dataset holds; docs/datasets.md explains every field. */
export const manifestFileSchema = z
  .strictObject({
    team: name.describe("Who owns the dataset: the name of the folder's parent."),
    dataset: name.describe("The name of the folder."),
    description: z.string().min(1).max(1000).describe("What the catalogue says about the table."),
    table: identifier.describe("Name of the table in the catalogue."),
    group: z
      .enum(["object", "prefix", "dataset"])
      .describe(
        "Which objects are handled in order: versions of one key, objects of one folder, or all of the dataset.",
      )
      .default("object"),
    input: input.describe("The records that producers send."),
    transform: z
      .string()
      .regex(/^[A-Za-z0-9_-]+\.sql$/, "the name of a .sql file in the dataset's folder")
      .describe("SQL file beside the manifest: one SELECT over the view `input`, in DuckDB's dialect."),
    output: z
      .strictObject({ columns: z.array(outputColumn).min(1).max(500).describe("Columns, in the table's order.") })
      .describe("The table."),
    partitionBy: z
      .array(identifier)
      .max(3)
      .describe("Output columns whose values become the folders `<column>=<value>`, outermost first.")
      .default([]),
    limits: limits
      .describe("What one object may be at most.")
      .default({ objectSize: "256 MB", partitionsPerObject: 20 }),
    expectations: z.array(expectation).max(100).describe("What must hold for the rows of each object.").default([]),
  })
  .superRefine(checkColumns);

/** A manifest with its SQL, as the datasets table and the functions have it. */
export const manifestSchema = manifestFileSchema.and(z.object({ sql: z.string().min(1) }));

/** `manifest.yaml` as written, with defaults filled in. */
export type ManifestFile = z.infer<typeof manifestFileSchema>;
/** A dataset's complete description: its manifest and the SQL of its heavy transform. */
export type Manifest = z.infer<typeof manifestSchema>;
/** One expectation on the rows of an object. */
export type Expectation = z.infer<typeof expectation>;
/** A column of the source records. */
export type InputColumn = z.infer<typeof inputColumn>;
/** What objects hold, as the manifest says it. */
export type InputFormat = ManifestFile["input"]["format"];
/** How the CSV of a dataset is written. */
export type CsvSettings = ManifestFile["input"]["csv"];
/** A column of the table. */
export type OutputColumn = z.infer<typeof outputColumn>;

/** Bytes of a size such as "256 MB"; KB, MB and GB are powers of 1024. The schema has checked the form. */
export function sizeInBytes(size: string): number {
  const [, amount, unit] = SIZE.exec(size) ?? [];
  return Number(amount) * UNIT[unit as keyof typeof UNIT];
}

interface Columns {
  input: { format: string; csv: { delimiter?: string | undefined; quote: string }; columns: InputColumn[] };
  output: { columns: OutputColumn[] };
  partitionBy: string[];
  expectations: Expectation[];
}

function checkColumns(manifest: Columns, context: z.RefinementCtx): void {
  const problem = (path: (string | number)[], message: string) => context.addIssue({ code: "custom", path, message });
  const output = manifest.output.columns.map((column) => column.name);
  for (const [part, columns] of [
    ["input", manifest.input.columns],
    ["output", manifest.output.columns],
  ] as const) {
    duplicates(columns.map((column) => column.name)).forEach((index) =>
      problem([part, "columns", index, "name"], "is there twice"),
    );
  }
  duplicates(manifest.input.columns.map((column) => column.field ?? column.name)).forEach((index) =>
    problem(["input", "columns", index], "reads a field that another column reads already"),
  );
  const { delimiter, quote } = manifest.input.csv;
  if (delimiter === quote) problem(["input", "csv", "delimiter"], "is the quote, too");
  duplicates(manifest.partitionBy).forEach((index) => problem(["partitionBy", index], "is there twice"));
  manifest.partitionBy.forEach((column, index) => {
    if (!output.includes(column))
      problem(["partitionBy", index], `"${column}" is no output column: ${output.join(", ")}`);
  });
  if (manifest.partitionBy.length === output.length)
    problem(["partitionBy"], "at least one column has to stay in the files");
  manifest.expectations.forEach((expected, index) => {
    if ("column" in expected && !output.includes(expected.column)) {
      problem(["expectations", index, "column"], `"${expected.column}" is no output column: ${output.join(", ")}`);
    }
  });
}

function duplicates(values: string[]): number[] {
  return values.flatMap((value, index) => (values.indexOf(value) < index ? [index] : []));
}
