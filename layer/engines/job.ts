import { z } from "zod";

/** What a run of the Glue job came to. */
const runSchema = z.object({
  id: z.string().optional(),
  seconds: z.number().default(0),
  dpuSeconds: z.number().default(0),
  error: z.string().optional(),
  cause: z.string().optional(),
});

/** What Stage B's machine gives the Glue job, and what came of it. */
export const glueJobSchema = z.object({
  /** Where the job finds what it has to do, `s3://…`. */
  request: z.string(),
  /** Where it writes what it did. */
  result: z.string(),
  workers: z.number().int(),
  workerType: z.string(),
  /** Minutes. */
  timeout: z.number().int(),
  run: runSchema.optional(),
  /** Which version of each object's key was current before, in the order of the batch; of an Iceberg table. */
  seen: z.array(z.string()).optional(),
});

export type GlueJob = z.infer<typeof glueJobSchema>;
