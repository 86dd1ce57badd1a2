import type { Rejection } from "../../errors";
import type { InputColumn, Manifest } from "../../manifest-schema";
import { stepsOf } from "../../manifest/schema";
import type { Value } from "../convert";

/** What of a manifest decides how records are read. */
export type InputOf = Pick<Manifest, "input" | "limits" | "evolution">;

/** A field of the records of an object. */
export interface Field {
  name: string;
  /** `string`, `boolean`, `bigint`, `double`, `object`, `array`; of Parquet, DuckDB's type in small letters. */
  type: string;
}

/** Where the records of a file come from, in SQL. */
export interface Source {
  /** What stands behind FROM. */
  from: string;
  /** The value that a column is read from: NULL where a record lacks it. */
  value(column: InputColumn): Value;
  /** A JSON object of all fields that no column names. */
  others(): string;
  /** Names of all fields of all records. */
  names(): Promise<Set<string>>;
  /** Fields and their types, as far as looking at them costs little. */
  fields(): Promise<Field[]>;
  /** DuckDB's message as a rejection, where the file is at fault. */
  rejection(message: string): Rejection | undefined;
}

/** Bytes of one record: DuckDB keeps a buffer of this size for every thread. */
export const LARGEST_RECORD = 64 * 1024 ** 2;

/** Name of the field that a column is read from, or from inside which. */
export function fieldOf(column: InputColumn): string {
  return stepsOf(column)[0];
}

/** SQL for NULL, where an object has no such field at all. */
export const NOTHING: Value = { text: "CAST(NULL AS VARCHAR)", json: "CAST(NULL AS JSON)" };
