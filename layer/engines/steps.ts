import { z } from "zod";
import { handedOverSchema, stageBStateSchema } from "../messages";
import { usedSchema } from "../usage";

/** What a query that Step Functions ran for us came to. */
const finishedSchema = z.object({
  /** Athena's id of the execution. */
  id: z.string().optional(),
  milliseconds: z.number().default(0),
  bytesScanned: z.number().default(0),
  /** Name and cause of the error that ended it. */
  error: z.string().optional(),
  cause: z.string().optional(),
});

/** One object on its way through Athena: what Stage B's machine passes to `nextQuery`, and gets back. */
export const athenaStepSchema = z.object({
  step: z.literal("athena"),
  team: z.string(),
  dataset: z.string(),
  batchId: z.string(),
  item: handedOverSchema,
  attempt: z.number().int().default(1),
  phase: z.enum(["check", "write"]).optional(),
  /** What was counted before writing. */
  counts: z.array(z.number()).optional(),
  /** Which version was current before the write, of an Iceberg table. */
  seen: z.string().optional(),
  /** To be run next: the machine does it. */
  query: z.object({ sql: z.string(), token: z.string() }).optional(),
  /** The query that was run last. */
  finished: finishedSchema.optional(),
  used: z.array(usedSchema).default([]),
});

/** What Stage B's machine asks `stage-b-check-job`, by `step`: what the engines themselves do, it waits for without it. */
export const jobStepSchema = z.union([
  athenaStepSchema,
  stageBStateSchema.extend({ step: z.enum(["prepare", "collect"]) }),
]);

export type AthenaStep = z.infer<typeof athenaStepSchema>;
export type FinishedQuery = z.infer<typeof finishedSchema>;
export type JobStep = z.infer<typeof jobStepSchema>;
