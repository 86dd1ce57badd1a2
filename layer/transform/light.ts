import type { DuckDBConnection } from "@duckdb/node-api";
import { stat } from "node:fs/promises";
import { Rejection } from "../errors";
import { sizeInBytes, type InputColumn } from "../manifest-schema";
import type { Engine } from "./engine";
import { engineError } from "./engine";
import { csvSource } from "./formats/csv";
import { jsonSource } from "./formats/json";
import { parquetSource } from "./formats/parquet";
import type { InputOf, Source } from "./formats/source";
import { identifier, literal, sqlType } from "./sql";
import { tooLarge, type Shape } from "./staging";

/** What a column's text must look like, where casting alone would be too kind (1.5 to 2, "inf" to a number). */
const STRICT: Record<string, (text: string) => string> = {
  int: whole,
  bigint: whole,
  float: finite,
  double: finite,
};

/** Marks the message that a cast makes, so that it can be told from DuckDB's own. */
const MISFIT = "misfit: ";

/** A file from `stage`. */
export interface Staged {
  file: string;
  shape: Shape;
}

/** How often (milliseconds) it is looked how much a Parquet file has become. */
const WATCH = 50;

/**
 * The light transform: records of JSON (one object, several, or an array), CSV or Parquet become a CSV file with the
 * manifest's input columns, typed. Fields that a record lacks are NULL, others are left out. NULL is an empty field, an empty
 * text is "".
 *
 * @returns the number of records
 * @throws Rejection `MalformedJson`, `MalformedCsv`, `MalformedParquet`, `NotRecords`, `RecordTooLarge`, `ObjectTooLarge` or
 * `SchemaMismatch`
 */
export async function recordsToCsv(engine: Engine, input: Staged, output: string, manifest: InputOf): Promise<number> {
  return engine.connected(async (connection) => {
    const source = await sourceOf(connection, input, manifest);
    const columns = manifest.input.columns.map((column) => typed(column, source.text(column)));
    const copy = `COPY (SELECT ${columns.join(", ")} FROM ${source.from}) TO ${literal(output)} (FORMAT csv, HEADER true)`;
    // Text gets no larger by becoming CSV; a few bytes of Parquet may be any number of rows.
    const limit = input.shape === "parquet" ? sizeInBytes(manifest.limits.objectSize) : Infinity;
    try {
      return await watched(connection, output, limit, async () => (await connection.run(copy)).rowsChanged);
    } catch (error) {
      throw rejected(error, source);
    }
  });
}

async function sourceOf(connection: DuckDBConnection, { file, shape }: Staged, manifest: InputOf): Promise<Source> {
  try {
    if (shape === "csv") return await csvSource(file, manifest);
    if (shape === "parquet") return await parquetSource(connection, file, manifest);
    return await jsonSource(file, shape, manifest);
  } catch (error) {
    throw engineError(error, "reading the records");
  }
}

/** Breaks off work when the file that it writes gets larger than `limit` bytes. */
async function watched<T>(
  connection: DuckDBConnection,
  file: string,
  limit: number,
  work: () => Promise<T>,
): Promise<T> {
  if (limit === Infinity) return work();
  let above = false;
  const look = async () => {
    const size = (await stat(file).catch(() => undefined))?.size ?? 0;
    above ||= size > limit;
    if (above) connection.interrupt();
  };
  const timer = setInterval(() => void look(), WATCH);
  try {
    const result = await work();
    await look();
    if (above) throw tooLarge(limit);
    return result;
  } catch (error) {
    throw above ? tooLarge(limit) : error;
  } finally {
    clearInterval(timer);
  }
}

function typed(column: InputColumn, text: string): string {
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

function rejected(error: unknown, source: Source): Error {
  if (error instanceof Rejection) return error;
  const message = String((error as Error).message);
  const misfit = message.indexOf(MISFIT);
  if (misfit >= 0)
    return new Rejection("SchemaMismatch", message.slice(misfit + MISFIT.length).split("\n")[0] as string);
  return source.rejection(message) ?? engineError(error, "reading the records");
}
