import type { DuckDBConnection } from "@duckdb/node-api";
import { stat } from "node:fs/promises";
import { Rejection } from "../errors";
import { sizeInBytes } from "../manifest-schema";
import { EXTRA, keepsExtra, stepsOf } from "../manifest/schema";
import { converted, type Converted } from "./convert";
import type { Engine } from "./engine";
import { engineError } from "./engine";
import { csvSource } from "./formats/csv";
import { jsonSource } from "./formats/json";
import { parquetSource } from "./formats/parquet";
import type { Field, InputOf, Source } from "./formats/source";
import { rejectionIn } from "./rejecting";
import { identifier, literal } from "./sql";
import { tooLarge, type Shape } from "./staging";

/** A file from `stage`. */
export interface Staged {
  file: string;
  shape: Shape;
}

/** What was read. */
export interface Read {
  /** Records. */
  rows: number;
  /** Fields of the records and their types, as far as they are looked at; docs/datasets.md tells how far. */
  fields: Field[];
}

/** How often (milliseconds) it is looked how much a Parquet file has become. */
const WATCH = 50;

/** Names that a message tells at most. */
const SHOWN = 10;

/**
 * The light transform: records of JSON (one object, several, or an array), CSV or Parquet become a CSV file with the
 * manifest's input columns, typed. What differs from them is treated as `evolution` says; where that keeps something, the last
 * column is `_extra`. NULL is an empty field, an empty text is "".
 *
 * @throws Rejection `MalformedJson`, `MalformedCsv`, `MalformedParquet`, `NotRecords`, `RecordTooLarge`, `ObjectTooLarge`,
 * `SchemaMismatch` or `SchemaChanged`
 */
export async function recordsToCsv(engine: Engine, input: Staged, output: string, manifest: InputOf): Promise<Read> {
  return engine.connected(async (connection) => {
    const source = await sourceOf(connection, input, manifest);
    const copy = `COPY (SELECT ${columnsOf(source, manifest).join(", ")} FROM ${source.from}) TO ${literal(output)} (FORMAT csv, HEADER true)`;
    // Text gets no larger by becoming CSV; a few bytes of Parquet may be any number of rows.
    const limit = input.shape === "parquet" ? sizeInBytes(manifest.limits.objectSize) : Infinity;
    try {
      await checkNames(source, manifest);
      const rows = await watched(connection, output, limit, async () => (await connection.run(copy)).rowsChanged);
      return { rows, fields: await source.fields() };
    } catch (error) {
      throw rejected(error, source);
    }
  });
}

async function sourceOf(connection: DuckDBConnection, { file, shape }: Staged, manifest: InputOf): Promise<Source> {
  try {
    if (shape === "csv") return await csvSource(file, manifest);
    if (shape === "parquet") return await parquetSource(connection, file, manifest);
    return await jsonSource(connection, file, shape, manifest);
  } catch (error) {
    throw engineError(error, "reading the records");
  }
}

function columnsOf(source: Source, manifest: InputOf): string[] {
  const columns = manifest.input.columns.map(
    (column) => [column.name, converted(column, source.value(column), manifest.evolution)] as const,
  );
  const named = columns.map(([name, { value }]) => `${value} AS ${identifier(name)}`);
  if (!keepsExtra(manifest)) return named;
  const kept = columns.map(([, one]) => one);
  return [...named, `${extra(source, kept, manifest)} AS ${identifier(EXTRA)}`];
}

/** Fields that no column names, and values that did not fit, as the text of a JSON object; NULL where there are none. */
function extra(source: Source, columns: Converted[], { evolution }: InputOf): string {
  const parts = [
    evolution.new === "add" ? source.others() : "'{}'",
    ...columns.flatMap(({ kept }) => (kept === undefined ? [] : [kept])),
  ];
  const merged = parts.length === 1 ? (parts[0] as string) : `json_merge_patch(${parts.join(", ")})`;
  return `nullif(CAST(${merged} AS VARCHAR), '{}')`;
}

/** Compares the names of all fields with the manifest's, where a rule says that differences reject the object. */
async function checkNames(source: Source, { input, evolution }: InputOf): Promise<void> {
  if (evolution.new !== "fail" && evolution.missing !== "fail") return;
  const found = await source.names();
  // An empty array has no records that could lack a field.
  if (found.size === 0) return;
  const named = new Set(input.columns.map((column) => stepsOf(column)[0]));
  const added = [...found].filter((name) => !named.has(name));
  const missing = [...named].filter((name) => !found.has(name));
  const told = [
    ...(evolution.new === "fail" && added.length > 0 ? [`has fields that no column names: ${shown(added)}`] : []),
    ...(evolution.missing === "fail" && missing.length > 0 ? [`lacks fields: ${shown(missing)}`] : []),
  ];
  if (told.length > 0) throw new Rejection("SchemaChanged", `the object ${told.join(", and ")}`);
}

function shown(names: string[]): string {
  const first = names
    .sort()
    .slice(0, SHOWN)
    .map((name) => JSON.stringify(name.slice(0, 60)));
  return `${first.join(", ")}${names.length > SHOWN ? ` and ${names.length - SHOWN} more` : ""}`;
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

function rejected(error: unknown, source: Source): Error {
  if (error instanceof Rejection) return error;
  const message = String((error as Error).message);
  return rejectionIn(message) ?? source.rejection(message) ?? engineError(error, "reading the records");
}
