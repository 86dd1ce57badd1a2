import type { DuckDBConnection } from "@duckdb/node-api";
import { Rejection } from "../../errors";
import { sizeInBytes } from "../../manifest-schema";
import { stepsOf } from "../../manifest/schema";
import { identifier, literal } from "../sql";
import { inside } from "./json";
import { fieldOf, NOTHING, type InputOf, type Source } from "./source";

/** Types whose text is JSON. */
const NESTED = /^(STRUCT|MAP|UNION|VARIANT|JSON)\b|\[\d*\]$/;

/** Longest text of a type that is told (characters). */
const LONGEST_TYPE = 200;

/**
 * Records of a Parquet file. Every value is read as its text, which then has to fit the manifest's type as a text of JSON has
 * to; structs, lists and maps are JSON text.
 *
 * @throws Rejection `MalformedParquet`, `ObjectTooLarge`, or `NotRecords` when the file has no column of the manifest
 */
export async function parquetSource(connection: DuckDBConnection, file: string, manifest: InputOf): Promise<Source> {
  const from = `read_parquet(${literal(file)}, hive_partitioning = false)`;
  const limit = sizeInBytes(manifest.limits.objectSize);
  const columns = await read(connection, file, from, limit);
  const { input } = manifest;
  if (!input.columns.some((column) => columns.has(fieldOf(column)))) {
    const found = [...columns.keys()].slice(0, 10).join(", ");
    const wanted = input.columns.slice(0, 10).map(fieldOf).join(", ");
    throw new Rejection("NotRecords", `the Parquet file has none of the columns ${wanted}; it has ${found}`);
  }
  const named = new Set(input.columns.map(fieldOf));
  return {
    from,
    value(column) {
      const [field, ...steps] = stepsOf(column);
      const type = columns.get(field);
      if (type === undefined) return NOTHING;
      const json = `to_json(${identifier(field)})`;
      if (steps.length > 0) return inside(json, steps);
      return { text: textOf(field, type), json };
    },
    others() {
      const others = [...columns].filter(([name]) => !named.has(name) && !name.includes("\0"));
      const pairs = others.map(
        ([name, type]) =>
          `${literal(name)}, ${NESTED.test(type) ? `to_json(${identifier(name)})` : textOf(name, type)}`,
      );
      // A patch leaves out what is NULL.
      return pairs.length === 0 ? "'{}'" : `json_merge_patch('{}', json_object(${pairs.join(", ")}))`;
    },
    names: () => Promise.resolve(new Set(columns.keys())),
    fields: () =>
      Promise.resolve([...columns].map(([name, type]) => ({ name, type: type.toLowerCase().slice(0, LONGEST_TYPE) }))),
    rejection: parquetRejection,
  };
}

function textOf(field: string, type: string): string {
  const value = identifier(field);
  return `CAST(${NESTED.test(type) ? `to_json(${value})` : value} AS VARCHAR)`;
}

async function read(
  connection: DuckDBConnection,
  file: string,
  from: string,
  limit: number,
): Promise<Map<string, string>> {
  try {
    const described = (await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${from}`)).getRows();
    const counted = await connection.runAndReadAll(`SELECT num_rows FROM parquet_file_metadata(${literal(file)})`);
    const rows = Number(counted.getRows()[0]?.[0]);
    // Every row is a byte of CSV at least.
    if (rows > limit)
      throw new Rejection("ObjectTooLarge", `the Parquet file has ${rows} rows; ${limit} bytes are allowed`);
    return new Map(described.map(([name, type]) => [String(name), String(type)]));
  } catch (error) {
    throw parquetRejection(String((error as Error).message)) ?? error;
  }
}

/** The SQL is ours and the file lies on this machine: whatever is not about memory or disk is the file's fault. */
export function parquetRejection(message: string): Rejection | undefined {
  if (/^Out of Memory Error|No space left|^INTERRUPT/.test(message) || !/^[A-Z][\w ]+ Error: /i.test(message))
    return undefined;
  const words = message
    .replace(/^[\w ]+ Error: /i, "")
    .replace(/["']?\/[^\s"']*["']?/g, "the file")
    .split("\n")[0] as string;
  return new Rejection("MalformedParquet", `the object begins like Parquet but cannot be read: ${words.slice(0, 200)}`);
}
