import type { Manifest } from "../manifest-schema";
import { isNested, typeOf, type ColumnType } from "../manifest/types";

/** What differs between the SQL of the engines. */
export interface Dialect {
  /** The manifest's SQL for this engine. */
  transform: (manifest: Manifest) => string;
  /** Any text as an expression. */
  literal: (text: string) => string;
  /** The engine's type for a type of the manifest. */
  type: (type: string) => string;
  /** A value of that type from a column of Stage A's CSV, whose empty text is NULL. */
  read: (column: string, type: string) => string;
  /** True where a text as a whole matches a regular expression. */
  matches: (text: string, pattern: string) => string;
  /** A date's or timestamp's part as text whose order is that of time. */
  datePart: (column: string, by: keyof typeof PARTS) => string;
}

/** Letters of date formats (Java's), by the part of a date that partitions are made of. */
const PARTS = { year: "yyyy", month: "yyyy-MM", day: "yyyy-MM-dd", hour: "yyyy-MM-dd-HH" } as const;

/** A name, quoted: any name is one. Spark takes it as Athena does, in the mode that the job sets. */
export function name(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

/** Athena (Trino). A statement may hold any character but NUL, which is written as a call. */
export const athena: Dialect = {
  transform: ({ sql, dialects }) => dialects?.athena ?? sql,
  literal: athenaText,
  type: (type) => athenaType(typeOf(type)),
  read(column, type) {
    const text = `nullif(${column}, '')`;
    if (type === "string") return text;
    return isNested(type) ? `CAST(json_parse(${text}) AS ${this.type(type)})` : `CAST(${text} AS ${this.type(type)})`;
  },
  matches: (text, pattern) => `regexp_like(${text}, ${athenaText(`^(?:${pattern})$`)})`,
  datePart: (column, by) => `format_datetime(CAST(${column} AS timestamp), ${athenaText(PARTS[by])})`,
};

/** Spark SQL, in ANSI mode with double-quoted identifiers, which the Glue job sets. Backslashes escape in its texts. */
export const spark: Dialect = {
  transform: ({ sql, dialects }) => dialects?.spark ?? sql,
  literal: sparkText,
  type: (type) => type,
  read(column, type) {
    if (type === "string") return column;
    if (!isNested(type)) return `CAST(${column} AS ${type})`;
    return `CAST(from_json(${column}, ${sparkText(ofTexts(typeOf(type)))}) AS ${type})`;
  },
  matches: (text, pattern) => `regexp_like(${text}, ${sparkText(`^(?:${pattern})$`)})`,
  datePart: (column, by) => `date_format(${column}, ${sparkText(PARTS[by])})`,
};

function athenaType(type: ColumnType): string {
  if (type.kind === "array") return `array(${athenaType(type.of)})`;
  if (type.kind === "struct")
    return `row(${type.fields.map((field) => `${name(field.name)} ${athenaType(field.type)}`).join(", ")})`;
  return { string: "varchar", int: "integer", float: "real" }[type.type] ?? type.type;
}

/** Stage A writes nested values as JSON whose leaves are texts. */
function ofTexts(type: ColumnType): string {
  if (type.kind === "array") return `array<${ofTexts(type.of)}>`;
  if (type.kind === "struct")
    return `struct<${type.fields.map((field) => `${field.name}:${ofTexts(field.type)}`).join(",")}>`;
  return "string";
}

function athenaText(text: string): string {
  const parts = text.split("\0").map((part) => `'${part.replaceAll("'", "''")}'`);
  return parts.length === 1 ? (parts[0] as string) : `(${parts.join(" || chr(0) || ")})`;
}

function sparkText(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'").replaceAll("\0", "\\u0000")}'`;
}
