import { z } from "zod";

/** Schema of {@link BackfillCounts}. */
export const countsSchema = z.object({
  /** Objects that S3 listed. */
  listed: z.number(),
  /** Sent on their way; in a dry run, those that would be. */
  sent: z.number(),
  /** Left alone, because the lake knows that version. */
  known: z.number(),
  /** Left alone, because they were modified before `since`. */
  older: z.number(),
  /** Deleted between the listing and the look at them. */
  gone: z.number(),
  /** Empty objects that only stand for a folder. */
  folders: z.number(),
  /** Bytes of the objects that were sent. */
  bytes: z.number(),
});

/** What a backfill found and did. listed = sent + known + older + gone + folders. */
export type BackfillCounts = z.infer<typeof countsSchema>;

/** Nothing found yet. */
export function noCounts(): BackfillCounts {
  return { listed: 0, sent: 0, known: 0, older: 0, gone: 0, folders: 0, bytes: 0 };
}

/** Where the state machine's Map wrote its results; without a writer they are the list itself. */
/** Schema of {@link Written}. */
export const writtenSchema = z.object({ ResultWriterDetails: z.object({ Bucket: z.string(), Key: z.string() }) });

/** The end of a run. */
export const finishSchema = z.object({
  action: z.literal("finish"),
  results: z.union([z.array(z.unknown()), writtenSchema, countsSchema]),
});

const name = z.string().min(1).max(64);

/** What a backfill is asked for: by a person, a schedule or a request to the HTTP API. */
export const backfillInputSchema = z.object({
  team: name,
  dataset: name,
  /** Only keys that begin with it, below `<team>/<dataset>/`. */
  prefix: z.string().max(1000).default(""),
  /** Exactly these keys, below `<team>/<dataset>/`, instead of a prefix. */
  objects: z.array(z.string().min(1).max(1000)).min(1).max(100).optional(),
  /** Only objects that were modified since then. */
  since: z.iso.datetime({ offset: true }).optional(),
  /** Processes versions once more that have their outcome. */
  again: z.boolean().default(false),
  /** Only counts. */
  dryRun: z.boolean().default(false),
  origin: z.enum(["command", "schedule", "http"]).default("command"),
});

/** What a backfill is asked for. */
export type BackfillInput = z.input<typeof backfillInputSchema>;

/** The first call of a run. */
export const beginSchema = z.object({
  action: z.literal("begin"),
  /** Name of the execution. */
  run: z.string().min(1).max(80),
  startedAt: z.iso.datetime({ offset: true }),
  input: backfillInputSchema,
});

/** What every part of a run is told; goes along with each object, so it is short. */
export const requestSchema = z.object({
  run: z.string(),
  team: name,
  dataset: name,
  startedAt: z.string(),
  origin: z.string(),
  since: z.string().optional(),
  again: z.boolean(),
  dryRun: z.boolean(),
});

/** What every part of a run is told. */
export type BackfillRequest = z.infer<typeof requestSchema>;

/** An object as S3's listing tells of it; the state machine's reader writes `Etag` and seconds. */
const listedSchema = z.object({
  Key: z.string().min(1).max(1024),
  Etag: z.string().default(""),
  LastModified: z.union([z.number(), z.string()]).default(0),
  Size: z.number().default(0),
});

/** An object of a listing. */
export type ListedObject = z.infer<typeof listedSchema>;

const itemSchema = z.object({ request: requestSchema, object: listedSchema });

/** Several in a batch, or one alone where the state machine makes no batches (the local AWS does not). */
const registerSchema = z.object({
  action: z.literal("register"),
  input: z.union([
    z.object({ Items: z.array(itemSchema).min(1) }),
    itemSchema.transform((item) => ({ Items: [item] })),
  ]),
});

const namedSchema = z.object({
  action: z.literal("named"),
  request: requestSchema,
  objects: z.array(z.string()).min(1),
});

/** What the function `backfill` is called with by its state machine. */
export const backfillCallSchema = z.discriminatedUnion("action", [
  beginSchema,
  registerSchema,
  namedSchema,
  finishSchema.extend({ request: requestSchema }),
]);

/** A call of the function. */
export type BackfillCall = z.infer<typeof backfillCallSchema>;

/** The first call of a run. */
export type BeginCall = z.infer<typeof beginSchema>;
/** The last call of a run. */
export type FinishCall = z.infer<typeof finishSchema>;
/** Where a Map's writer left its results. */
export type Written = z.infer<typeof writtenSchema>;

/** What a backfill answers. */
export type BackfillSummary = BackfillCounts & {
  run: string;
  dryRun: boolean;
  /** Batches of objects that failed to the end: their objects were not sent. */
  failedBatches: number;
};
