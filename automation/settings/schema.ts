import { z } from "zod";
import { logRetentionDays } from "../../components/compute/EncryptedLogGroup";
import { type FunctionName, functionNames } from "../../components/lake/functions";
import { DLQ_RETENTION } from "../../components/stages/Queue";
import { type Duration, type Size, toDays, toMegabytes } from "../../components/units";
import { driverShape } from "./driver";
import { enginesSchema } from "./engines";
import { gatesShape } from "./gates";
import { imageBuildSchema, imagesSource } from "./images";
import { throughputSchema } from "./throughput";
import { backend, days, leaf, secretsProvider, tags, yesOrNo } from "./values";

/** The longest expiration that a lifecycle rule is given here: ten years. */
const LONGEST = 3_650;

const memory = leaf<Size>(
  (value) => toMegabytes(value, "") >= 128 && toMegabytes(value, "") <= 10_240,
  'a whole number of MB or GB from "128 MB" to "10 GB"',
);

const tmp = leaf<Size>(
  (value) => toMegabytes(value, "") >= 512 && toMegabytes(value, "") <= 10_240,
  'a whole number of MB or GB from "512 MB" to "10 GB"',
);

const logs = leaf<Duration>(
  (value) => logRetentionDays(value, "") > 0,
  'a retention that CloudWatch Logs offers, e.g. "7 days", "30 days", "90 days", "365 days"',
);

const retentionSchema = z.strictObject({
  /** Logs of functions and state machines. */
  logs: logs.default("30 days"),
  /** Stage A's files; longer than a DLQ keeps its messages, so that a redrive finds its file. */
  intermediate: days(toDays(DLQ_RETENTION, "") + 1, LONGEST).default("30 days"),
  /** Replaced versions of tables' files. */
  oldVersions: days(1, LONGEST).default("30 days"),
  /** Rows that broke an expectation. */
  quarantine: days(1, LONGEST).default("90 days"),
  /** Athena's results. */
  queryResults: days(1, LONGEST).default("30 days"),
  /** Entries of the control table execution-history, and what is kept about batches. */
  history: days(1, LONGEST).default("365 days"),
  /** Entries of the control table events. */
  events: days(1, LONGEST).default("365 days"),
  /** Counters of a day in the control table metrics. */
  metrics: days(1, LONGEST).default("730 days"),
});

const functionSchema = z.strictObject({
  memory: memory.optional(),
  /** Room in /tmp: DuckDB needs three times the CSV of the largest object. */
  tmp: tmp.optional(),
  reservedConcurrency: leaf<number>(
    (value) => Number.isInteger(value) && value >= 0 && value <= 10_000,
    "a whole number from 0 to 10000",
  ).optional(),
});

/** One optional entry for each function of the lake. */
function forEachFunction<S extends z.ZodType>(schema: S) {
  const shape = Object.fromEntries(functionNames.map((name) => [name, schema.optional()]));
  return z.strictObject(shape as Record<FunctionName, z.ZodOptional<S>>);
}

/** Settings of a lake: the keys `tributary:<key>` of a stack's file. Every key has a default. */
export const lakeSettingsSchema = z.strictObject({
  /** Message groups that a dataset's objects share in Stage A: how many of its batches AWS handles at the same time. */
  lanes: leaf<number>(
    (value) => Number.isInteger(value) && value >= 1 && value <= 64,
    "a whole number from 1 to 64",
  ).default(8),
  /** Most messages that a function takes from a queue at once. 1 handles every object by itself. */
  batchSize: leaf<number>(
    (value) => Number.isInteger(value) && value >= 1 && value <= 10,
    "a whole number from 1 to 10",
  ).default(10),
  /** How fast queues are emptied, and how much at a time. */
  throughput: throughputSchema.prefault({}),
  /** Deletes the data, too, when the lake is destroyed: for environments that are thrown away. */
  forceDestroy: yesOrNo.default(false),
  /** Refuses the deletion of control tables until it is switched off. */
  deletionProtection: yesOrNo.default(true),
  /** Keeps 35 days in which control tables can be restored to any second. */
  pointInTimeRecovery: yesOrNo.default(true),
  /** Creates the buckets' lifecycle rules. */
  lifecycle: yesOrNo.default(true),
  /** How long things are kept. */
  retention: retentionSchema.prefault({}),
  /** How long the deleted key of the data can still be recovered. */
  keyDeletionWindow: days(7, 30).default("30 days"),
  /** An Athena query that would read more is cancelled. */
  bytesScannedLimit: leaf<Size>(
    (value) => toMegabytes(value, "") >= 10,
    'a whole number of MB, GB or TB, "10 MB" or more',
  ).default("100 GB"),
  /** Who may do the heavy transforms. */
  engines: enginesSchema.prefault({}),
  /** Traces functions and state machines with X-Ray. */
  tracing: yesOrNo.default(true),
  logLevel: leaf<"DEBUG" | "INFO" | "WARN" | "ERROR">(
    (value) => ["DEBUG", "INFO", "WARN", "ERROR"].includes(value),
    "DEBUG, INFO, WARN or ERROR",
  ).default("INFO"),
  /** Processor of the functions; the packed layer must have been built for it. */
  architecture: leaf<"x86_64" | "arm64">((value) => ["x86_64", "arm64"].includes(value), "x86_64 or arm64").default(
    "x86_64",
  ),
  /** What single functions need otherwise. */
  functions: forEachFunction(functionSchema).prefault({}),
  /** What functions run: an image, or an archive that the driver packs. */
  packaging: leaf<"archive" | "image">((value) => ["archive", "image"].includes(value), "archive or image").default(
    "archive",
  ),
  /**
   * Where the images come from, with `packaging: image`: `build` builds them in this stack; `{ stack: images }` takes what
   * that stack built last; an entry for each function names its image by digest, as `tributary promote` writes it.
   */
  images: imagesSource.default({ stack: "images" }),
  /** How images are built, with `images: build`. */
  imageBuild: imageBuildSchema.prefault({}),
  /** Where the driver keeps this stack's state, e.g. `s3://<bucket>?region=<region>`; without it, where Pulumi is logged in. */
  backend: backend.optional(),
  /** ARN of the policy that every role of the lake gets as its permissions boundary: an output of the stack `delivery`. */
  permissionsBoundary: leaf<string>(
    (value) => typeof value === "string" && /^arn:aws[a-z-]*:iam::\d{12}:policy\/[\w+=,.@/-]{1,512}$/.test(value),
    'the ARN of a policy, e.g. "arn:aws:iam::123456789012:policy/name"',
  ).optional(),
  /** Tags of every resource, besides project, env and stack. */
  tags: tags.default({}),
  ...driverShape,
  ...gatesShape,
});

/** Settings of the stack `images`, and of stacks named `images.<anything>`. */
export const imagesSettingsSchema = z.strictObject({
  /** How images are built, and where they are kept. */
  imageBuild: imageBuildSchema.prefault({}),
  /** Where the driver keeps this stack's state, e.g. `s3://<bucket>?region=<region>`; without it, where Pulumi is logged in. */
  backend: backend.optional(),
  /** The key that encrypts secrets in its state; see the driver's settings. */
  secretsProvider: secretsProvider.optional(),
  /** Tags of every resource, besides project, env and stack. */
  tags: tags.default({}),
});

/** Settings of the stack `images`, complete. */
export type ImagesSettings = z.output<typeof imagesSettingsSchema>;

/** Settings of a lake, complete. */
export type LakeSettings = z.output<typeof lakeSettingsSchema>;
