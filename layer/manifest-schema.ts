import { z } from "zod";

/** The column types a dataset may use: the Glue types that Athena and DuckDB both have. */
export const COLUMN_TYPE = /^(string|boolean|int|bigint|float|double|date|timestamp|decimal\(\d{1,2},\d{1,2}\))$/;

const NAME = /^[a-z][a-z0-9-]{0,29}$/;
const IDENTIFIER = /^[a-z][a-z0-9_]{0,127}$/;
const SIZE = /^([1-9]\d{0,5}) (KB|MB|GB)$/;
const UNIT = { KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 } as const;

const name = z.string().regex(NAME, "lower-case letters, digits and hyphens, starting with a letter, at most 30");
const identifier = z.string().regex(IDENTIFIER, "lower-case letters, digits and underscores, starting with a letter");
const type = z
  .string()
  .regex(COLUMN_TYPE, "string, boolean, int, bigint, float, double, date, timestamp or decimal(p,s)");
const rule = z.enum(["fail", "warn"]);

const inputColumn = z.strictObject({
  name: identifier,
  type,
  /** The JSON field it is read from. Default: `name`. */
  field: z.string().min(1).max(255).optional(),
});

const outputColumn = z.strictObject({ name: identifier, type, comment: z.string().max(255).optional() });

const expectation = z.discriminatedUnion("check", [
  z.strictObject({ check: z.literal("not_null"), column: identifier, rule }),
  z.strictObject({ check: z.literal("unique"), column: identifier, rule }),
  z
    .strictObject({
      check: z.literal("range"),
      column: identifier,
      min: z.number().optional(),
      max: z.number().optional(),
      rule,
    })
    .refine((range) => range.min !== undefined || range.max !== undefined, "needs min, max or both")
    .refine((range) => (range.min ?? -Infinity) <= (range.max ?? Infinity), "min is above max"),
  z.strictObject({ check: z.literal("rows"), min: z.int().min(0), rule }),
]);

const limits = z.strictObject({
  /** Largest raw object, as it lies in the bucket; also the largest after decompression. */
  objectSize: z.string().regex(SIZE, 'a whole number and KB, MB or GB, such as "256 MB"').default("256 MB"),
  /** How many partitions the rows of one object may fall into: each is a file of its own. */
  partitionsPerObject: z.int().min(1).max(100).default(20),
});

/** What `manifest.yaml` of a dataset holds; docs/datasets.md explains every field. */
export const manifestFileSchema = z
  .strictObject({
    team: name,
    dataset: name,
    description: z.string().min(1).max(1000),
    /** Table in the catalogue. */
    table: identifier,
    /** Which objects are handled in order: versions of one object, objects of one key prefix, or all of the dataset. */
    group: z.enum(["object", "prefix", "dataset"]).default("object"),
    input: z.strictObject({ columns: z.array(inputColumn).min(1).max(500) }),
    /** SQL file beside the manifest: one SELECT over the view `input`. */
    transform: z.string().regex(/^[A-Za-z0-9_-]+\.sql$/, "the name of a .sql file in the dataset's folder"),
    output: z.strictObject({ columns: z.array(outputColumn).min(1).max(500) }),
    /** Output columns whose values become the folders `<column>=<value>`, outermost first. */
    partitionBy: z.array(identifier).max(3).default([]),
    limits: limits.default({ objectSize: "256 MB", partitionsPerObject: 20 }),
    expectations: z.array(expectation).max(100).default([]),
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
/** A column of the table. */
export type OutputColumn = z.infer<typeof outputColumn>;

/** Bytes of a size such as "256 MB"; KB, MB and GB are powers of 1024. The schema has checked the form. */
export function sizeInBytes(size: string): number {
  const [, amount, unit] = SIZE.exec(size) ?? [];
  return Number(amount) * UNIT[unit as keyof typeof UNIT];
}

interface Columns {
  input: { columns: InputColumn[] };
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
