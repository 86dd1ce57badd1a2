import { z } from "zod";
import { type Duration, type Size, toMegabytes, toSeconds } from "../../components/units";
import { type EngineName, engineNames, glueWorkers, LONGEST_GLUE } from "../../layer/manifest/engine";
import { leaf } from "./values";

const between = (from: number, to: number) =>
  leaf<number>(
    (value) => Number.isInteger(value) && value >= from && value <= to,
    `a whole number from ${from} to ${to}`,
  );

const size = (from: Size) =>
  leaf<Size>(
    (value) => toMegabytes(value, "") >= toMegabytes(from, ""),
    `a whole number of MB, GB or TB, "${from}" or more`,
  );

const glueSchema = z.strictObject({
  /** Workers of a job's run, one of them the driver; a manifest may say otherwise. */
  workers: between(2, 299).default(2),
  /** How large a worker is; a manifest may say otherwise. */
  workerType: leaf<keyof typeof glueWorkers>(
    (value) => Object.keys(glueWorkers).includes(value),
    Object.keys(glueWorkers).join(", "),
  ).default("G.1X"),
  /** After how long a run is stopped; a manifest may say otherwise. */
  timeout: leaf<Duration>(
    (value) => toSeconds(value, "") % 60 === 0 && toSeconds(value, "") / 60 <= LONGEST_GLUE,
    'whole minutes up to "8 hours"',
  ).default("2 hours"),
  /** Most runs at the same time; further batches wait. */
  concurrentRuns: between(1, 50).default(5),
});

/** `tributary:engines`: who may do the heavy transforms, and up to which size `engine: auto` takes which. */
export const enginesSchema = z.strictObject({
  /** Engines that this environment has. Datasets that ask for another are transformed by DuckDB, which is told. */
  available: leaf<readonly EngineName[]>(
    (value) =>
      Array.isArray(value) && value.includes("duckdb") && value.every((one) => engineNames.includes(one as EngineName)),
    "a list of duckdb and what there is of athena and glue",
  ).default(engineNames),
  /** `engine: auto` gives batches whose CSV is not larger than this to DuckDB. */
  duckdbLimit: size("1 MB").default("512 MB"),
  /** `engine: auto` gives batches up to this size to Athena, and larger ones to Glue. */
  athenaLimit: size("1 MB").default("4 GB"),
  /** Objects of a batch that Athena works on at the same time: a batch runs so many queries. */
  athenaObjects: between(2, 10).default(5),
  glue: glueSchema.prefault({}),
});

/** Settings of engines, complete. */
export type EngineSettings = z.output<typeof enginesSchema>;
