import type { Rejection } from "../../errors";
import type { InputColumn, Manifest } from "../../manifest-schema";

/** What of a manifest decides how records are read. */
export type InputOf = Pick<Manifest, "input" | "limits">;

/** Where the records of a file come from, in SQL. */
export interface Source {
  /** What stands behind FROM. */
  from: string;
  /** The text of a column's field: an expression of type VARCHAR, NULL where a record lacks the field. */
  text(column: InputColumn): string;
  /** DuckDB's message as a rejection, where the file is at fault. */
  rejection(message: string): Rejection | undefined;
}

/** Bytes of one record: DuckDB keeps a buffer of this size for every thread. */
export const LARGEST_RECORD = 64 * 1024 ** 2;

/** Name of the field that a column is read from. */
export function fieldOf(column: InputColumn): string {
  return column.field ?? column.name;
}
