import { z } from "zod";
import { isRegion, leaf, line } from "./values";

const slug = leaf<string>(
  (value) => typeof value === "string" && /^[a-z][a-z0-9-]{0,40}$/.test(value),
  "a letter, then up to 40 lower-case letters, digits and hyphens",
);

const folder = leaf<string>(
  (value) => typeof value === "string" && /^(?!\/|.*(^|\/)\.\.(\/|$))[\w./-]{1,200}$/.test(value),
  "a path in the repository",
);

/** Whether the environment's own deployment needs it, or it needs that. */
const when = leaf<"before" | "after">((value) => ["before", "after"].includes(value), "before or after").default(
  "before",
);

const layers = z.strictObject({
  kind: z.literal("lambdaLayers"),
  when,
  /** The layer's name. */
  name: slug,
  /** What the layer holds: unpacked below /opt. */
  folder,
  /** Regions that it is published in. */
  regions: leaf<string[]>(
    (value) =>
      Array.isArray(value) && value.length > 0 && value.every(isRegion) && new Set(value).size === value.length,
    'different AWS regions, e.g. ["eu-west-1", "eu-central-1"]',
  ),
  /** Runtimes that can use it. */
  runtimes: leaf<string[]>(
    (value) =>
      Array.isArray(value) &&
      value.length > 0 &&
      value.length <= 15 &&
      value.every((each) => /^[a-z0-9.]{3,20}$/.test(String(each))),
    'runtimes of Lambda, e.g. ["nodejs22.x"]',
  ),
});

const glueJob = z.strictObject({
  kind: z.literal("glueJob"),
  when,
  /** The job, which is there already. */
  name: slug,
  /** Its script. */
  script: folder,
  /** What has to succeed before the script is exchanged, e.g. `python3 -m unittest discover glue/tests`. */
  test: line(500, /["'`$\\]/).optional(),
});

const migrations = z.strictObject({
  kind: z.literal("sqlMigrations"),
  when,
  name: slug,
  /** Files that are run in the order of their names, each exactly once. */
  folder,
  /** What runs them. */
  engine: leaf<"athena" | "redshift">((value) => ["athena", "redshift"].includes(value), "athena or redshift"),
  /** Database that they are run in. @default with Athena the lake's own */
  database: leaf<string>(
    (value) => typeof value === "string" && /^[a-z][a-z0-9_]{0,126}$/.test(value),
    "the name of a database: lower-case letters, digits and _",
  ).optional(),
  /** Work group that runs them. @default with Athena the lake's own */
  workgroup: slug.optional(),
});

/** What is delivered to an environment beside the lake: layers, jobs and migrations, before or after it, in the order in which they stand. */
export const distributionSchema = z.array(
  z.discriminatedUnion("kind", [layers, glueJob, migrations], {
    error: "a step whose kind is lambdaLayers, glueJob or sqlMigrations",
  }),
  { error: "a list of steps" },
);

/** A step of distribution. */
export type DistributionStep = z.output<typeof distributionSchema>[number];
