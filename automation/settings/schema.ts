import { z } from "zod";
import { isImageByDigest } from "../../components/compute/functionPackage";
import { logRetentionDays } from "../../components/compute/EncryptedLogGroup";
import { type FunctionName, functionNames } from "../../components/lake/functions";
import { DLQ_RETENTION } from "../../components/stages/Queue";
import { type Duration, type Size, toDays, toMegabytes } from "../../components/units";

/** A value that satisfies `accepts`; its error is the sentence that says what is allowed. */
function leaf<T>(accepts: (value: T) => boolean, allowed: string) {
  return z.custom<T>(
    (value) => {
      try {
        return accepts(value as T);
      } catch {
        return false;
      }
    },
    { error: allowed },
  );
}

const yesOrNo = leaf<boolean>((value) => typeof value === "boolean", "true or false");

const days = (from: number, to: number) =>
  leaf<Duration>(
    (value) => toDays(value, "") >= from && toDays(value, "") <= to,
    `whole days from "${from} days" to "${to} days"`,
  );

/** The longest expiration that a lifecycle rule is given here: ten years. */
const LONGEST = 3_650;

const memory = leaf<Size>(
  (value) => toMegabytes(value, "") >= 128 && toMegabytes(value, "") <= 10_240,
  'a whole number of MB or GB from "128 MB" to "10 GB"',
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
  /** Athena's results. */
  queryResults: days(1, LONGEST).default("30 days"),
});

const functionSchema = z.strictObject({
  memory: memory.optional(),
  reservedConcurrency: leaf<number>(
    (value) => Number.isInteger(value) && value >= 0 && value <= 10_000,
    "a whole number from 0 to 10000",
  ).optional(),
});

const image = leaf<string>(
  (value) => typeof value === "string" && isImageByDigest(value),
  "an image by its digest: <repository>@sha256:<64 hex digits>",
);

/** One optional entry for each function of the lake. */
function forEachFunction<S extends z.ZodType>(schema: S) {
  const shape = Object.fromEntries(functionNames.map((name) => [name, schema.optional()]));
  return z.strictObject(shape as Record<FunctionName, z.ZodOptional<S>>);
}

const tagKey = /^(?!aws:)[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/iu;
const tagValue = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u;
const ownTags = ["project", "env", "stack"];

const tags = z
  .record(
    z.string(),
    leaf<string>(
      (value) => typeof value === "string" && tagValue.test(value),
      "up to 256 letters, digits, spaces and _.:/=+-@",
    ),
    { error: "an object of tags" },
  )
  .superRefine((given, context) => {
    for (const key of Object.keys(given)) {
      const allowed = tagKey.test(key) && !ownTags.includes(key);
      if (!allowed) {
        const message = `another key: 1 to 128 letters, digits, spaces and _.:/=+-@, not "aws:…", not ${ownTags.join(", ")}`;
        context.addIssue({ code: "custom", path: [key], message });
      }
    }
  });

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
  /** Functions that run an image, by its digest; the others run their archive. */
  images: forEachFunction(image).prefault({}),
  /** Tags of every resource, besides project, env and stack. */
  tags: tags.default({}),
});

/** Settings of a lake, complete. */
export type LakeSettings = z.output<typeof lakeSettingsSchema>;
