import { z } from "zod";
import { glueJobSchema } from "./engines/job";
import { usedSchema } from "./usage";

/** One version of an object on its way through Stage A: the body of a Stage A message. */
export const objectRefSchema = z.object({
  team: z.string().min(1),
  dataset: z.string().min(1),
  bucket: z.string().min(1),
  /** As the producer named it: hostile. */
  key: z.string().min(1).max(1024),
  /** Names everything that is derived from the object; see identity.ts. */
  keyId: z.string().regex(/^[0-9a-f]{32}$/),
  version: z.string().min(1).max(1024),
  versionId: z.string().optional(),
  sequencer: z.string().min(1),
  etag: z.string(),
  /** Bytes. */
  size: z.number().int().min(0),
  /** ISO time. */
  eventTime: z.string(),
  /** Message group: objects of one group are handled in order. */
  group: z.string().min(1).max(128),
  /** How often it was redriven: keeps the messages of its lives apart. */
  redrives: z.number().int().min(0).default(0),
});

/** Body of a Stage A message: objects of one lane, in the order of their arrival. */
export const stageAMessageSchema = z.object({ items: z.array(objectRefSchema).min(1) });

/** Where a CSV is that is perhaps only a part of its file. */
const partShape = {
  /** Bytes of the CSV. */
  preBytes: z.number().int().min(0).optional(),
  /** Where it begins in a file that objects share; missing where the file is the object's own. */
  preStart: z.number().int().min(0).optional(),
};

/** An object that Stage A is done with. */
export const handedOverSchema = objectRefSchema.extend({
  /** Key of the file in the stage bucket that its CSV is in. */
  preKey: z.string().min(1),
  /** Records in it. */
  rows: z.number().int().min(0),
  ...partShape,
});

/** Body of a Stage B message. */
export const handoverSchema = z.object({
  team: z.string().min(1),
  dataset: z.string().min(1),
  items: z.array(handedOverSchema).min(1),
});

const errorSchema = z.object({ code: z.string(), message: z.string() });

/** One object in a Stage A execution. */
export const stageAItemSchema = z.object({
  ref: objectRefSchema,
  /** Which attempt this is, counted on the object's item; PreUpdate sets it. */
  attempt: z.number().int().min(0),
  /** No further attempt follows: a passing error is final as well. */
  lastAttempt: z.boolean(),
  /** The queue itself will give the message up when it stays once more. */
  lastReceive: z.boolean().optional(),
  messageId: z.string(),
  sequenceNumber: z.string().optional(),
  startedAt: z.string(),
  /** Stage A was done already and perhaps not handed over: a message that came again. */
  done: z.object({ preKey: z.string(), rows: z.number(), ...partShape }).optional(),
  /** The failure was recorded already and perhaps not sent to the DLQ: a message that came again. */
  recorded: errorSchema.optional(),
});

export const stageAInputSchema = z.object({
  items: z.array(stageAItemSchema),
  /** Which execution it is; the state machine says so. */
  executionArn: z.string().optional(),
});

const outcomeSchema = z.object({
  keyId: z.string(),
  version: z.string(),
  status: z.enum(["DONE", "FAILED", "RETRY", "DEFERRED"]),
  error: errorSchema.optional(),
  /** Which attempt it was, of what is to be tried again. */
  attempt: z.number().optional(),
});

/** What Stage A answers. */
export const stageAOutputSchema = z.object({ outcomes: z.array(outcomeSchema) });

const processedASchema = z.object({
  item: stageAItemSchema,
  preKey: z.string(),
  rows: z.number(),
  ...partShape,
  /** Bytes were replaced before they could be read: what replaced them. */
  supersededBy: z.string().optional(),
});

const failedASchema = z.object({ item: stageAItemSchema, error: errorSchema, final: z.boolean() });

/** What Stage A's states pass to each other. */
export const stageAStateSchema = z.object({
  items: z.array(stageAItemSchema).default([]),
  outcomes: z.array(outcomeSchema).default([]),
  processed: z.array(processedASchema).default([]),
  failed: z.array(failedASchema).default([]),
  failedCount: z.number().default(0),
  executionArn: z.string().optional(),
  /** Bytes of all objects of the execution, which share its cost. */
  sizes: z.array(z.number()).optional(),
  /** What the states before used; the handlers add to it. */
  used: z.array(usedSchema).optional(),
});

const processedBSchema = z.object({
  item: handedOverSchema,
  files: z.array(z.string()),
  /** Values of the partition columns, in their order; NULL is null. */
  partitions: z.array(z.array(z.string().nullable())),
  rows: z.number(),
  attempt: z.number(),
  /** Of its files. */
  bytes: z.number().optional(),
  /** How many rows broke each expectation, in the manifest's order: `expectationResults` makes words of it. */
  broken: z.array(z.number()).optional(),
  /** Where the rows went that broke an expectation. */
  quarantined: z.object({ key: z.string(), rows: z.number() }).optional(),
  /** Which version was current when the rows were committed to an Iceberg table (`nameOf`). */
  seen: z.string().optional(),
});

const failedBSchema = z.object({
  item: handedOverSchema,
  error: errorSchema,
  attempt: z.number().default(1),
  /** Where expectations rejected the object: its rows, and how many broke each expectation, in the manifest's order. */
  checked: z.object({ rows: z.number(), quarantined: z.number(), broken: z.array(z.number()) }).optional(),
});

/** What Stage B's states pass to each other; the first gets it without a job. */
export const stageBStateSchema = z.object({
  team: z.string(),
  dataset: z.string(),
  batchId: z.string(),
  startedAt: z.string(),
  items: z.array(handedOverSchema),
  /** The batch's run of the Glue job, where the engine is glue. */
  glue: glueJobSchema.optional(),
  job: z.object({ status: z.enum(["SUCCEEDED", "RUNNING", "FAILED"]), id: z.string() }).optional(),
  processed: z.array(processedBSchema).optional(),
  failed: z.array(failedBSchema).default([]),
  failedCount: z.number().default(0),
  /** What runs the SQL. */
  engine: z.string().optional(),
  /** What the table is, where it is not Parquet files. */
  format: z.string().optional(),
  /** What the states before used; the handlers add to it. */
  used: z.array(usedSchema).optional(),
  /** What removes rows from an Iceberg table that came after those which replace them; run when all is published. */
  stale: z.object({ sql: z.string() }).optional(),
  /** What a state threw in the end. */
  cause: z.object({ Error: z.string().optional(), Cause: z.string().optional() }).optional(),
});

/** What a redrive function is asked for. */
export const redriveRequestSchema = z.object({
  team: z.string().min(1),
  dataset: z.string().min(1),
  /** At most so many messages. */
  max: z.number().int().min(1).max(100_000).default(1_000),
  /** Only messages that came into the DLQ before (ms since 1970). Default: now. */
  before: z.number().int().min(0).optional(),
  /** Only messages about the object of this key. */
  object: z.string().min(1).max(1024).optional(),
  /** Only messages with this code of an error. */
  reason: z.string().min(1).max(256).optional(),
  /** Only what failed since then (ms since 1970). */
  since: z.number().int().min(0).optional(),
  /** Most messages a second. Default: as fast as it goes. */
  rate: z.number().int().min(1).max(10_000).optional(),
});

export type ObjectRef = z.infer<typeof objectRefSchema>;
export type HandedOver = z.infer<typeof handedOverSchema>;
export type Handover = z.infer<typeof handoverSchema>;
export type StageAItem = z.infer<typeof stageAItemSchema>;
export type StageAInput = z.infer<typeof stageAInputSchema>;
export type Outcome = z.infer<typeof outcomeSchema>;
export type StageAOutput = z.infer<typeof stageAOutputSchema>;
export type ProcessedA = z.infer<typeof processedASchema>;
export type FailedA = z.infer<typeof failedASchema>;
export type StageAState = z.infer<typeof stageAStateSchema>;
export type ProcessedB = z.infer<typeof processedBSchema>;
export type FailedB = z.infer<typeof failedBSchema>;
export type StageBState = z.infer<typeof stageBStateSchema>;
export type RedriveRequest = z.infer<typeof redriveRequestSchema>;
