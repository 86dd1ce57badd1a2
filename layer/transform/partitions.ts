import { Rejection } from "../errors";

/** What Hive, Glue and Athena call the partition of NULL. */
export const NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__";

/** Longest escaped value (characters): an S3 key has 1,024 bytes in all. */
const LONGEST = 200;

/** Values of the partition columns, in their order; NULL is null. */
export type PartitionValues = (string | null)[];

/**
 * The folder of a partition: `<column>=<value>/…`, or an empty text without partition columns. Values are data and may
 * hold anything: all but letters, digits, and `_ - . ` is escaped as %XX, and a value of dots only as well.
 *
 * @throws Rejection `PartitionInvalid` when a value is too long for a path
 */
export function partitionPath(columns: string[], values: PartitionValues): string {
  return columns.map((column, index) => `${column}=${escaped(column, values[index] ?? null)}/`).join("");
}

function escaped(column: string, value: string | null): string {
  if (value === null) return NULL_PARTITION;
  const path = [...Buffer.from(value, "utf8")].map(escapedByte).join("");
  const safe = /^\.+$/.test(path) ? path.replaceAll(".", "%2E") : path;
  if (safe.length > LONGEST) {
    const shown = `${value.slice(0, 60)}…`;
    throw new Rejection(
      "PartitionInvalid",
      `${column} has a value too long for a partition (${safe.length} of ${LONGEST} characters): ${shown}`,
    );
  }
  return safe;
}

function escapedByte(byte: number): string {
  const character = String.fromCharCode(byte);
  return /[A-Za-z0-9_.-]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}

/** What the catalogue calls the values. */
export function catalogueValues(values: PartitionValues): string[] {
  return values.map((value) => value ?? NULL_PARTITION);
}
