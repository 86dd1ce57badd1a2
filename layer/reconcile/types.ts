/**
 * What can differ between buckets, control tables and Parquet files.
 *
 * - `unseen`: an object version that the control tables do not know
 * - `stuck`: an object version that has no outcome, and has stood still for too long
 * - `unnamed`: processed and not superseded, but its key's files are those of another version, or of none
 * - `missing`: a file of the table that is not there
 * - `orphan`: a file below `post/` that belongs to no current version
 * - `rows`: a file's rows are not those that were recorded
 */
export const differenceKinds = ["unseen", "stuck", "unnamed", "missing", "orphan", "rows"] as const;

/** Name of a kind of difference. */
export type DifferenceKind = (typeof differenceKinds)[number];

/**
 * What is told and is no difference.
 *
 * - `failed`: versions that failed for good; `redrive` is for them
 * - `gone`: versions with an outcome whose object was deleted, by a person or by the bucket's lifecycle
 * - `expired`: versions whose files are gone because they are older than the dataset's retention
 * - `replaced`: versions that were overwritten or deleted before the lake knew of their key
 * - `waiting`: versions that no event triggers (manifest `triggers`)
 * - `young`: what would be a difference if it had stood still longer
 */
export const noteKinds = ["failed", "gone", "expired", "replaced", "waiting", "young"] as const;

/** Name of a kind of note. */
export type NoteKind = (typeof noteKinds)[number];

/** One difference. */
export interface Difference {
  kind: DifferenceKind;
  /** The object's key. */
  key?: string;
  /** As the control tables name it, or the bucket's version id. */
  version?: string;
  /** Key of a file in the stage bucket. */
  file?: string;
  /** What was found, and what was expected. */
  detail: string;
  /** `--mend` took care of it: sent again, or deleted. */
  mended?: boolean;
}

/** How much was compared. */
export interface Checked {
  /** Object versions in the raw bucket. */
  versions: number;
  /** Items of object versions. */
  items: number;
  /** Files below `post/`. */
  files: number;
  /** Parquet files whose rows were counted. */
  rows: number;
}

/** What a comparison found. */
export interface Findings {
  checked: Checked;
  /** How many differences there are, those that were mended included. */
  differences: Record<DifferenceKind, number>;
  notes: Record<NoteKind, number>;
  mended: {
    /** Object versions that were sent again. */
    sent: number;
    /** Files that were deleted. */
    deleted: number;
  };
  /** The differences themselves, as many as were asked for. */
  found: Difference[];
}

/** Nothing found yet. */
export function nothing(): Findings {
  const none = <Name extends string>(names: readonly Name[]) =>
    Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
  return {
    checked: { versions: 0, items: 0, files: 0, rows: 0 },
    differences: none(differenceKinds),
    notes: none(noteKinds),
    mended: { sent: 0, deleted: 0 },
    found: [],
  };
}

/** What two parts of a comparison found. */
export function together(one: Findings, other: Findings, limit: number): Findings {
  return {
    checked: sum(one.checked, other.checked),
    differences: sum(one.differences, other.differences),
    notes: sum(one.notes, other.notes),
    mended: sum(one.mended, other.mended),
    found: [...one.found, ...other.found].slice(0, limit),
  };
}

/** Differences that nobody took care of. */
export function left({ differences, mended }: Pick<Findings, "differences" | "mended">): number {
  return Object.values(differences).reduce((total, each) => total + each, 0) - mended.sent - mended.deleted;
}

function sum<T extends object>(one: T, other: T): T {
  const names = Object.keys(one) as (keyof T)[];
  return Object.fromEntries(names.map((name) => [name, Number(one[name]) + Number(other[name])])) as T;
}
