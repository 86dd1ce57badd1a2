import { z } from "zod";

/** The plain column types: the Glue types that Athena and DuckDB both have. */
export const PLAIN_TYPE = /^(string|boolean|int|bigint|float|double|date|timestamp|decimal\(\d{1,2},\d{1,2}\))$/;

/** How deep `array<…>` and `struct<…>` may be nested. */
const DEEPEST = 6;

/** How long the text of a type may be: what Glue takes for a column (characters). */
const LONGEST_TYPE = 4_096;

/** Names of a dataset's columns, and of the table. */
const IDENTIFIER = /^[a-z][a-z0-9_]{0,127}$/;

/** A column type, taken apart. */
export type ColumnType =
  | { kind: "plain"; type: string }
  | { kind: "array"; of: ColumnType }
  | { kind: "struct"; fields: { name: string; type: ColumnType }[] };

/**
 * Takes a column type apart: a plain one, `array<T>`, or `struct<name:T,…>`, in Glue's own notation.
 *
 * @returns undefined where the text is no type
 */
export function parseType(text: string): ColumnType | undefined {
  if (text.length > LONGEST_TYPE) return undefined;
  const reader = new Reader(text);
  const type = reader.type(0);
  return type && reader.ended ? type : undefined;
}

/** A type that the schema has checked, taken apart. */
export function typeOf(text: string): ColumnType {
  return parseType(text) ?? { kind: "plain", type: text };
}

/** True for `array<…>` and `struct<…>`. */
export function isNested(type: string): boolean {
  return /^(array|struct)</.test(type);
}

class Reader {
  private at = 0;

  constructor(private readonly text: string) {}

  get ended(): boolean {
    return this.at === this.text.length;
  }

  type(depth: number): ColumnType | undefined {
    if (depth > DEEPEST) return undefined;
    if (this.take(/array</y) !== undefined) {
      const of = this.type(depth + 1);
      return of && this.take(/>/y) !== undefined ? { kind: "array", of } : undefined;
    }
    if (this.take(/struct</y) !== undefined) return this.struct(depth);
    const plain = this.take(/[a-z]+(\(\d{1,2},\d{1,2}\))?/y);
    return plain !== undefined && PLAIN_TYPE.test(plain) ? { kind: "plain", type: plain } : undefined;
  }

  private struct(depth: number): ColumnType | undefined {
    const fields: { name: string; type: ColumnType }[] = [];
    do {
      const name = this.take(/[A-Za-z_][A-Za-z0-9_]{0,127}/y);
      if (name === undefined || this.take(/:/y) === undefined) return undefined;
      const type = this.type(depth + 1);
      // Glue and DuckDB take names that differ in case only for the same.
      if (!type || fields.some((field) => field.name.toLowerCase() === name.toLowerCase())) return undefined;
      fields.push({ name, type });
    } while (this.take(/,/y) !== undefined);
    return this.take(/>/y) !== undefined ? { kind: "struct", fields } : undefined;
  }

  private take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }
}

/** The name of a column or a table. */
export const identifier = z
  .string()
  .regex(IDENTIFIER, "lower-case letters, digits and underscores, starting with a letter");

const TYPES =
  "string, boolean, int, bigint, float, double, date, timestamp, decimal(p,s), array<type> or struct<name:type,…>, without blanks";

/** What editors can check of a type; {@link parseType} checks all. */
const TYPE = /^(string|boolean|int|bigint|float|double|date|timestamp|decimal\(\d{1,2},\d{1,2}\)|(array|struct)<.+>)$/;

/** The type of a column, nested ones included. */
export const type = z
  .string()
  .regex(TYPE, { message: TYPES, abort: true })
  .refine((text) => parseType(text) !== undefined, TYPES);
