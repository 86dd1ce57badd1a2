import { typeOf, type ColumnType } from "../manifest/types";

/** An SQL string literal. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** An SQL identifier, quoted: any name is one. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** DuckDB's type for a type of the manifest. */
export function sqlType(type: string): string {
  return ofType(typeOf(type));
}

function ofType(type: ColumnType): string {
  if (type.kind === "plain") return TYPES[type.type] ?? type.type.toUpperCase();
  if (type.kind === "array") return `${ofType(type.of)}[]`;
  return `STRUCT(${type.fields.map(({ name, type: inner }) => `${identifier(name)} ${ofType(inner)}`).join(", ")})`;
}

const TYPES: Record<string, string> = {
  string: "VARCHAR",
  boolean: "BOOLEAN",
  int: "INTEGER",
  bigint: "BIGINT",
  float: "FLOAT",
  double: "DOUBLE",
  date: "DATE",
  timestamp: "TIMESTAMP",
};

/** A struct literal of names and types, as the readers' `columns` parameter takes it. */
export function columnTypes(columns: { name: string; type: string }[]): string {
  return `{${columns.map(({ name, type }) => `${literal(name)}: ${literal(type)}`).join(", ")}}`;
}

/** Any text as an SQL expression. A statement ends at a NUL character, so that one is written as a call. */
export function textExpression(text: string): string {
  return text.split("\0").map(literal).join(" || chr(0) || ");
}

/** The JSON pointer of steps into a value; at least one. */
export function pointer(steps: readonly string[]): string {
  return steps.map((step) => `/${step.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** A list of SQL expressions. */
export function list(expressions: readonly string[]): string {
  return `[${expressions.join(", ")}]`;
}
