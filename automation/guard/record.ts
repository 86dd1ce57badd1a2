import { z } from "zod";

const text = z.string().max(500);

/** Who holds a guard. */
const holderSchema = z.object({
  /** Random; one for each time that a guard is taken. */
  owner: text,
  host: text,
  /** Host, boot and process namespace: only there do process ids mean anything. */
  machine: text,
  pid: z.int().positive(),
  /** When the process began, as its system tells it. */
  start: text,
  user: text,
  /** e.g. `deploy dev` */
  command: text,
  /** ISO 8601, by the holder's clock: for people. */
  since: text,
  /** Milliseconds without a renewal after which it may be taken over. */
  lease: z.number().positive(),
});

const recordSchema = z.object({
  format: z.literal(1),
  /** Grows by one each time that somebody else takes the guard, for ever: the order of all who ever held it. */
  generation: z.int().nonnegative(),
  /** Grows with each renewal, so that no two texts are the same. */
  renewal: z.int().nonnegative(),
  /** Undefined while nobody holds it. */
  holder: holderSchema.optional(),
});

/** Who holds a guard, as its file tells. */
export type Holder = z.output<typeof holderSchema>;

/** A guard as its file tells. */
export type GuardRecord = z.output<typeof recordSchema>;

/** Reads a guard's file; undefined when it is none, or was cut off. */
export function parseGuard(content: string): GuardRecord | undefined {
  try {
    return recordSchema.parse(JSON.parse(content));
  } catch {
    return undefined;
  }
}

/** Text of a guard's file. */
export function guardText(record: GuardRecord): string {
  return `${JSON.stringify(record, null, 2)}\n`;
}
