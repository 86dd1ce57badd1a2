import { z } from "zod";

/** What was done to a stack. */
export type RecordKind = "deploy" | "promote" | "rollback" | "destroy" | "mend";

const text = z.string().max(20_000);
const count = z.number().nonnegative();
const object = z.record(z.string(), z.unknown());

const targetSchema = z.object({ env: text, region: text, stack: text, wave: z.int().nonnegative() });

const revisionSchema = z.object({
  /** Commit of the checkout; undefined without git. */
  commit: text.optional(),
  /** Whether files of the program differed from that commit. */
  dirty: z.boolean(),
  /** Digest of the program's files as they were. */
  program: text,
});

const beginSchema = z.object({
  format: z.literal(1),
  event: z.literal("begin"),
  /** Sorts by time; unique for the stack. */
  id: text,
  /** The command that it belongs to: the same in the records of all stacks that one command works on. */
  run: text,
  kind: z.enum(["deploy", "promote", "rollback", "destroy", "mend"]),
  project: text,
  target: targetSchema,
  who: text,
  /** ARN of the AWS identity, where it is known. */
  caller: text.optional(),
  host: text,
  /** ISO 8601 */
  startedAt: text,
  revision: revisionSchema,
  /** Settings of the run, `aws:` and `tributary:`, as in the settings file; without secret ones. */
  settings: object,
  /** Keys of settings that are secret: their values are nowhere in a record. */
  secretSettings: z.array(text),
  planDigest: text.optional(),
  /** The guard that it was done under. */
  guard: z.object({ owner: text, generation: count }).optional(),
  /** Of a rollback: the record that it goes back to. */
  rollbackTo: text.optional(),
});

const endSchema = z.object({
  format: z.literal(1),
  event: z.literal("end"),
  id: text,
  /** ISO 8601 */
  endedAt: text,
  result: z.enum(["succeeded", "failed", "interrupted"]),
  seconds: count,
  changes: z.object({ create: count, update: count, delete: count, same: count }),
  /** What the functions run afterwards: function -> `<repository>@sha256:…`. */
  images: z.record(z.string(), text).optional(),
  /** Everything that decided about the run, as whoever selects stacks needs it. */
  fingerprint: object.optional(),
  /** Resources of the stack afterwards, components left out. */
  resources: count.optional(),
  /** Those that took longest, longest first: for the time left of the next run. */
  slowest: z.array(z.object({ name: text, type: text, seconds: count })).optional(),
  error: z.object({ code: text, message: text }).optional(),
});

/** Written when work on a stack begins. */
export type BeginRecord = z.output<typeof beginSchema>;
/** Written when it has ended. */
export type EndRecord = z.output<typeof endSchema>;
/** The program that was deployed. */
export type ProgramRevision = z.output<typeof revisionSchema>;

/** Begin and end of one piece of work, as one. */
export interface Deployment extends BeginRecord, Partial<Omit<EndRecord, "format" | "event" | "id" | "result">> {
  /** `running` and `interrupted` without an end; `interrupted` also when a person stopped it. */
  result: EndRecord["result"] | "running";
}

/** A file among the records that is none, or that was cut off. */
export interface UnreadableRecord {
  key: string;
  reason: string;
}

/** Reads a record's text; a reason where it is none. */
export function parseRecord(content: string): BeginRecord | EndRecord | { reason: string } {
  try {
    const parsed = z.discriminatedUnion("event", [beginSchema, endSchema]).safeParse(JSON.parse(content));
    if (parsed.success) return parsed.data;
    const { path, message } = parsed.error.issues[0]!;
    return { reason: `${path.join(".") || "it"}: ${message}` };
  } catch {
    return { reason: content.trim() === "" ? "it is empty" : "it is no JSON, or was cut off" };
  }
}
