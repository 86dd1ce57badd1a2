import { z } from "zod";
import type { TableOf } from "./output";

/** Who does the heavy transform of a batch. */
export const engineNames = ["duckdb", "athena", "glue"] as const;

/** Name of an engine. */
export type EngineName = (typeof engineNames)[number];

/** Worker types of Glue's Spark jobs, each with the data processing units (DPU) that a worker is billed as. */
export const glueWorkers = { "G.1X": 1, "G.2X": 2, "G.4X": 4, "G.8X": 8 } as const;

/** Longest time (minutes) that a run of the Glue job may be given: Stage B's machine has to outlast two of them. */
export const LONGEST_GLUE = 480;

/** Most objects of a batch that may go to Athena, which works on a few at a time; on an Iceberg table on one. */
export const ATHENA_OBJECTS = { parquet: 10, iceberg: 5 } as const;

const TIMEOUT = /^([1-9]\d{0,3}) (minute|hour)s?$/;

const glue = z.strictObject({
  workers: z
    .int()
    .min(2)
    .max(299)
    .describe("Workers of a job's run, one of them the driver. Default: the setting `engines.glue.workers`.")
    .optional(),
  workerType: z
    .enum(Object.keys(glueWorkers) as [keyof typeof glueWorkers])
    .describe("How large a worker is. Default: the setting `engines.glue.workerType`.")
    .optional(),
  timeout: z
    .string()
    .refine((text) => minutesOf(text) <= LONGEST_GLUE, 'minutes or hours up to "8 hours"')
    .describe("After how long a run is stopped, up to 8 hours. Default: the setting `engines.glue.timeout`.")
    .optional(),
});

/** Fields of a manifest about engines; docs/engines.md explains them. */
export const engineShape = {
  engine: z
    .enum([...engineNames, "auto"])
    .describe(
      "Who does the heavy transform: `duckdb` in a function, `athena`, a Spark job in `glue`, or `auto`, by the size of each batch.",
    )
    .default("duckdb"),
  glue: glue.describe("What a Glue job gets; only with the engines `glue` and `auto`.").default({}),
  catalogue: z
    .strictObject({
      crawler: z
        .boolean()
        .describe(
          "Runs a Glue crawler over the table after each batch, besides what Stage B registers. Default: false.",
        )
        .default(false),
    })
    .describe("How the catalogue learns of new data.")
    .default({ crawler: false }),
};

/** The SQL of other dialects, beside the transform: `transform.athena.sql` and `transform.spark.sql`. */
export const dialectsSchema = z.object({ athena: z.string().min(1).optional(), spark: z.string().min(1).optional() });

/** SQL of the transform in other dialects than DuckDB's. */
export type Dialects = z.infer<typeof dialectsSchema>;

type ProblemAt = (path: (string | number)[], message: string) => void;

/** The part of a manifest that this file checks. */
export interface EngineFields {
  engine: EngineName | "auto";
  glue: z.infer<typeof glue>;
  output: { format?: string | undefined; columns: { name: string; type: string }[] };
  partitionBy: TableOf["partitionBy"];
  expectations: { rule: string }[];
}

/**
 * Checks what the fields about engines say together.
 *
 * @param problem tells a mistake at a property's path
 */
export function checkEngine(manifest: EngineFields, problem: ProblemAt): void {
  const { engine, glue: asked, output } = manifest;
  if (Object.keys(asked).length > 0 && engine !== "glue" && engine !== "auto")
    problem(["glue"], `is for engine glue or auto; engine is ${engine}`);
  if (output.format === "iceberg" && engine !== "athena" && engine !== "glue")
    problem(
      ["engine"],
      `is ${engine}, which cannot commit to an Iceberg table: choose athena or glue, or output.format: parquet`,
    );
  if (output.format === "iceberg" && manifest.partitionBy.length > 0)
    problem(["partitionBy"], "is for output.format: parquet; an Iceberg table finds its files by their statistics");
  if (engine === "duckdb") return;
  manifest.expectations.forEach(({ rule }, index) => {
    if (engine === "athena" && rule === "quarantine")
      problem(["expectations", index, "rule"], "quarantine is for the engines duckdb, glue and auto, not for athena");
    if (output.format === "iceberg" && rule === "quarantine")
      problem(["expectations", index, "rule"], "quarantine is for output.format: parquet");
  });
  checkPartitions(manifest, problem);
}

/** Engines write these as different texts, and a partition is known by its text. */
function checkPartitions({ engine, output, partitionBy }: EngineFields, problem: ProblemAt): void {
  const types = new Map(output.columns.map(({ name, type }) => [name, type]));
  partitionBy.forEach((key, index) => {
    const type = typeof key === "string" ? types.get(key) : undefined;
    if (type !== undefined && /^(float|double|timestamp)$/.test(type))
      problem(
        ["partitionBy", index],
        `is ${type}: with engine ${engine} a partition has to be text, a whole number, a decimal, a boolean or a date`,
      );
  });
}

/** Minutes of a timeout such as "90 minutes" or "2 hours"; NaN for anything else. */
export function minutesOf(text: string): number {
  const [, amount, unit] = TIMEOUT.exec(text) ?? [];
  return Number(amount) * (unit === "hour" ? 60 : 1);
}

/** Engines that may get a batch of the dataset. */
export function enginesOf({ engine }: { engine: EngineName | "auto" }): readonly EngineName[] {
  return engine === "auto" ? engineNames : [engine];
}
