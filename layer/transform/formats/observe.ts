import type { DuckDBConnection } from "@duckdb/node-api";
import type { Field } from "./source";

/** How a JSON file begins. */
export interface Beginning {
  text: string;
  /** The text is all of the file. */
  whole: boolean;
  onePerLine: boolean;
}

/** Most records of a larger file that are looked at, and the longest of them (bytes). */
const SAMPLE = 1_000;
const LONGEST = 16 * 1024;

/** What a field is called whose values are of different kinds. */
const MIXED = "string";

/**
 * The fields of a JSON file's records: of all records where the file is small, else of the first ones. Asking DuckDB costs more
 * than reading a small object does, so that a small file is looked at here.
 *
 * @param objects reads the file's records, in SQL
 */
export async function jsonFields(connection: DuckDBConnection, begin: Beginning, objects: string): Promise<Field[]> {
  const records = begin.whole ? parsed(begin) : undefined;
  if (records) return fieldsOf(records);
  const query = `SELECT CAST(json AS VARCHAR) FROM ${objects} WHERE length(CAST(json AS VARCHAR)) <= ${LONGEST} LIMIT ${SAMPLE}`;
  const rows = (await connection.runAndReadAll(query)).getRows();
  return fieldsOf(rows.map(([text]) => JSON.parse(String(text)) as unknown));
}

function parsed({ text, onePerLine }: Beginning): unknown[] | undefined {
  try {
    if (!onePerLine) return [JSON.parse(text)].flat();
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    return lines.flatMap((line) => JSON.parse(line) as unknown);
  } catch {
    return undefined;
  }
}

function fieldsOf(records: unknown[]): Field[] {
  const types = new Map<string, string | undefined>();
  for (const record of records) {
    if (typeof record !== "object" || record === null) continue;
    for (const [name, value] of Object.entries(record)) types.set(name, wider(types.get(name), kind(value)));
  }
  return [...types].map(([name, type]) => ({ name, type: type ?? MIXED }));
}

/** Undefined for null, which is of every type. */
function kind(value: unknown): string | undefined {
  if (value === null) return undefined;
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "bigint" : "double";
  return typeof value;
}

/** The type that takes values of both. */
export function wider(one: string | undefined, other: string | undefined): string | undefined {
  if (one === undefined || one === other) return other ?? one;
  if (other === undefined) return one;
  return [one, other].every((type) => type === "bigint" || type === "double") ? "double" : MIXED;
}
