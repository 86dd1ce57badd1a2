import { z } from "zod";
import { checkEngine, dialectsSchema, engineShape, type EngineFields } from "./manifest/engine";
import { checkExpectations, expectation, type Expectation } from "./manifest/expectations";
import { groupSchema } from "./manifest/group";
import { checkOutput, output, partitionBy, type OutputColumn, type TableOf } from "./manifest/output";
import { reconcileSchema } from "./manifest/reconcile";
import { checkRetention, retentionSchema } from "./manifest/retention";
import { checkInput, duplicates, evolution, EVOLUTION, input } from "./manifest/schema";
import type { CsvSettings, InputColumn, Problem } from "./manifest/schema";
import { triggersSchema } from "./manifest/triggers";
import { identifier } from "./manifest/types";

export type { Expectation } from "./manifest/expectations";
export type { OutputColumn } from "./manifest/output";
export type { CsvSettings, Evolution, InputColumn } from "./manifest/schema";

/** What teams and datasets may be called. */
export const datasetName = /^[a-z][a-z0-9-]{0,29}$/;
const SIZE = /^([1-9]\d{0,5}) (KB|MB|GB)$/;
const UNIT = { KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 } as const;

const name = z
  .string()
  .regex(datasetName, "lower-case letters, digits and hyphens, starting with a letter, at most 30");

// The descriptions become those of datasets/manifest.schema.json, which editors show.

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
    group: groupSchema,
    triggers: triggersSchema,
    reconcile: reconcileSchema,
    retention: retentionSchema,
    input: input.describe("The records that producers send."),
    transform: z
      .string()
      .regex(/^[A-Za-z0-9_-]+\.sql$/, "the name of a .sql file in the dataset's folder")
      .describe("SQL file beside the manifest: one SELECT over the view `input`, in DuckDB's dialect."),
    evolution: evolution.describe("What happens when records differ from `input.columns`.").default(EVOLUTION),
    output: output.describe("The table."),
    partitionBy: partitionBy
      .describe(
        "Output columns, or parts of dates, whose values become the folders `<column>=<value>` of the table, outermost first.",
      )
      .default([]),
    limits: limits
      .describe("What one object may be at most.")
      .default({ objectSize: "256 MB", partitionsPerObject: 20 }),
    expectations: z.array(expectation).max(100).describe("What must hold for the rows of each object.").default([]),
    ...engineShape,
  })
  .superRefine(checkColumns);

/** A manifest with its SQL, as the datasets table and the functions have it. */
export const manifestSchema = manifestFileSchema.and(
  z.object({
    sql: z.string().min(1),
    /** The transform in other dialects, where the dataset has it. */
    dialects: dialectsSchema.optional(),
    /** Named queries on the table, by their names; functions do not get them. */
    queries: z.record(z.string(), z.string().min(1)).optional(),
  }),
);

/** `manifest.yaml` as written, with defaults filled in. */
export type ManifestFile = z.infer<typeof manifestFileSchema>;
/** A dataset's complete description: its manifest and the SQL of its heavy transform. */
export type Manifest = z.infer<typeof manifestSchema>;
/** What objects hold, as the manifest says it. */
export type InputFormat = ManifestFile["input"]["format"];
/** Bytes of a size such as "256 MB"; KB, MB and GB are powers of 1024. The schema has checked the form. */
export function sizeInBytes(size: string): number {
  const [, amount, unit] = SIZE.exec(size) ?? [];
  return Number(amount) * UNIT[unit as keyof typeof UNIT];
}

interface Columns extends TableOf, EngineFields {
  retention?: string | undefined;
  input: { csv: CsvSettings; columns: InputColumn[] };
  output: { columns: OutputColumn[]; format?: string | undefined };
  expectations: Expectation[];
}

function checkColumns(manifest: Columns, context: z.RefinementCtx): void {
  const problem: Problem = (path, message) => context.addIssue({ code: "custom", path, message });
  checkEngine(manifest, problem);
  checkRetention(manifest, problem);
  for (const [part, columns] of [
    ["input", manifest.input.columns],
    ["output", manifest.output.columns],
  ] as const) {
    duplicates(columns.map((column) => column.name)).forEach((index) =>
      problem([part, "columns", index, "name"], "is there twice"),
    );
  }
  checkInput(manifest, problem);
  checkOutput(manifest, problem);
  checkExpectations(manifest, problem);
}
