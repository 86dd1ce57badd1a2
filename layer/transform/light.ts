import { open } from "node:fs/promises";
import { Rejection } from "../errors";
import { sizeInBytes, type InputColumn, type Manifest } from "../manifest-schema";
import type { Engine } from "./engine";
import { engineError } from "./engine";
import { columnTypes, identifier, literal, sqlType } from "./sql";
import type { Shape } from "./staging";

/** What a column's text must look like, where casting alone would be too kind (1.5 to 2, "inf" to a number). */
const STRICT: Record<string, (text: string) => string> = {
  int: whole,
  bigint: whole,
  float: finite,
  double: finite,
};

/** Marks the message that a cast makes, so that it can be told from DuckDB's own. */
const MISFIT = "misfit: ";

/**
 * The light transform: records of a JSON file (one object, several, or an array) become a CSV file with the manifest's input
 * columns, typed. Fields that a record lacks are NULL, others are left out. NULL is an empty field, an empty text is "".
 *
 * @param input from `stage`
 * @returns the number of records
 * @throws Rejection `MalformedJson`, `NotRecords`, `RecordTooLarge` or `SchemaMismatch`
 */
export async function jsonToCsv(
  engine: Engine,
  input: { file: string; shape: Shape },
  output: string,
  manifest: Pick<Manifest, "input" | "limits">,
): Promise<number> {
  const format =
    input.shape === "array" ? "array" : (await onePerLine(input.file)) ? "newline_delimited" : "unstructured";
  const limit = sizeInBytes(manifest.limits.objectSize);
  try {
    return await engine.connected(async (connection) => {
      const source = readJson(input.file, format, manifest.input.columns, limit);
      const result = await connection.run(
        `COPY (SELECT ${manifest.input.columns.map(typed).join(", ")} FROM ${source}) TO ${literal(output)} (FORMAT csv, HEADER true)`,
      );
      return result.rowsChanged;
    });
  } catch (error) {
    throw jsonError(error);
  }
}

function readJson(file: string, format: string, columns: InputColumn[], limit: number): string {
  const fields = columns.map((column) => ({ name: fieldOf(column), type: "VARCHAR" }));
  const options = [
    literal(file),
    `columns = ${columnTypes(fields)}`,
    `format = '${format}'`,
    "compression = 'uncompressed'",
    // One record may be as large as the object: an array of one.
    `maximum_object_size = ${Math.min(Math.max(limit, 1024 ** 2), LARGEST_RECORD)}`,
  ];
  return `read_json(${options.join(", ")})`;
}

/** Bytes of one record: DuckDB keeps a buffer of this size for every thread. */
const LARGEST_RECORD = 64 * 1024 ** 2;

function fieldOf(column: InputColumn): string {
  return column.field ?? column.name;
}

function typed(column: InputColumn): string {
  const text = identifier(fieldOf(column));
  if (column.type === "string") return `${text} AS ${identifier(column.name)}`;
  const type = sqlType(column.type);
  const fits = STRICT[column.type]?.(text) ?? "true";
  const misfit = `error(${literal(`${MISFIT}column ${column.name} takes ${column.type}, not `)} || to_json(left(${text}, 80)))`;
  return `CASE WHEN ${text} IS NULL THEN NULL WHEN ${fits} AND TRY_CAST(${text} AS ${type}) IS NOT NULL THEN TRY_CAST(${text} AS ${type}) ELSE ${misfit} END AS ${identifier(column.name)}`;
}

function whole(text: string): string {
  return `regexp_full_match(${text}, '[+-]?[0-9]+(\\.0*)?')`;
}

function finite(text: string): string {
  return `regexp_full_match(${text}, '[+-]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]+)?')`;
}

/** True when the first line is a record of its own. Lines can be told by number and read by several threads. */
async function onePerLine(file: string): Promise<boolean> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(FIRST_LINE), 0, FIRST_LINE, 0);
    const text = buffer.subarray(0, bytesRead).toString("utf8").trimStart();
    const end = text.indexOf("\n");
    const line = end >= 0 ? text.slice(0, end) : text;
    JSON.parse(line);
    return true;
  } catch {
    return false;
  } finally {
    await handle.close();
  }
}

/** A first line longer than this (bytes) is not looked at. */
const FIRST_LINE = 64 * 1024;

function jsonError(error: unknown): Error {
  const message = String((error as Error).message);
  const misfit = message.indexOf(MISFIT);
  if (misfit >= 0)
    return new Rejection("SchemaMismatch", message.slice(misfit + MISFIT.length).split("\n")[0] as string);
  if (message.includes("maximum_object_size")) return new Rejection("RecordTooLarge", "a record is larger than 64 MB");
  const malformed = /Malformed JSON in file .*, at byte (\d+) in (line|record\/value) (\d+): (.*)/.exec(message);
  if (malformed) {
    const [, byte, unit, number, what] = malformed;
    // DuckDB counts one too many here, and right where records have the wrong form.
    return new Rejection(
      "MalformedJson",
      `${place(unit, Number(number) - 1)}, byte ${byte}: ${(what as string).split(". ")[0]}`,
    );
  }
  const form = /JSON transform error in file .*, in (line|record\/value) (\d+): (.*)/.exec(message);
  if (form) {
    const [, unit, number, what] = form;
    const code = /^Expected OBJECT/.test(what as string) ? "NotRecords" : "MalformedJson";
    return new Rejection(code, `${place(unit, Number(number))}: ${(what as string).slice(0, 200)}`);
  }
  return engineError(error, "reading the records");
}

function place(unit: string | undefined, number: number): string {
  return `${unit === "line" ? "line" : "record"} ${Math.max(1, number)}`;
}
