import { z } from "zod";
import { differenceKinds, noteKinds, type Difference } from "./types";

const count = z.number().int().min(0);
const counts = <Name extends string>(names: readonly Name[]) =>
  z.object(Object.fromEntries(names.map((name) => [name, count])) as Record<Name, typeof count>);

/** Where a comparison that was not ended in one call goes on. */
export const cursorSchema = z.object({
  /** First objects, then files, and, when files are missing, objects again to find whose. */
  phase: z.enum(["objects", "files", "missing"]),
  /** Everything up to this key is done. */
  after: z.string().max(1_100).optional(),
  /** Files that current versions name, and files that were found of them, so far. */
  named: count.default(0),
  there: count.default(0),
});

/** A part of a dataset's comparison. */
export const reconcileSliceSchema = z.object({
  team: z.string().min(1).max(64),
  dataset: z.string().min(1).max(64),
  /** Whether to send again what has no outcome, and to delete files that nothing names. */
  mend: z.boolean().default(false),
  /** How long something may stand still before it counts (s). Default: an hour. While its batch runs in Stage B: 31 hours. */
  minAge: z.number().int().min(0).optional(),
  /** Rows are counted of versions that changed since then (ms since 1970); null: of none. Default: of all. */
  rowsSince: z.number().int().min(0).nullable().default(0),
  /** Most differences that are listed. */
  limit: z.number().int().min(0).max(5_000).default(1_000),
  /** How long to work (s). */
  seconds: z.number().int().min(1).max(780).default(60),
  cursor: cursorSchema.optional(),
});

const findingsSchema = z.object({
  checked: z.object({ versions: count, items: count, files: count, rows: count }),
  differences: counts(differenceKinds),
  notes: counts(noteKinds),
  mended: z.object({ sent: count, deleted: count }),
  found: z.array(z.custom<Difference>()),
});

/** What the schedule asks for, and what a call hands to the next one. */
export const scheduledReconcileSchema = z.object({
  /** `team/dataset` names. */
  datasets: z.array(z.string().regex(/^[^/]+\/[^/]+$/)).min(1),
  /** Rows are counted of versions that changed within this time (s). */
  rowsWithin: z.number().int().min(1).default(90_000),
  call: z.number().int().min(1).default(1),
  findings: findingsSchema.optional(),
  cursor: cursorSchema.optional(),
});

/** What the reconcile function is asked for. */
export const reconcileRequestSchema = z.union([scheduledReconcileSchema, reconcileSliceSchema]);

export type Cursor = z.infer<typeof cursorSchema>;
export type ReconcileSlice = z.infer<typeof reconcileSliceSchema>;
export type ScheduledReconcile = z.infer<typeof scheduledReconcileSchema>;
export type ReconcileRequest = z.infer<typeof reconcileRequestSchema>;
