import type { DuckDBConnection } from "@duckdb/node-api";
import { stat } from "node:fs/promises";
import path from "node:path";
import { Rejection } from "../errors";
import type { Manifest } from "../manifest-schema";
import type { Engine } from "./engine";
import { engineError } from "./engine";
import { check } from "./expectations";
import { NULL_PARTITION, partitionPath, type PartitionValues } from "./partitions";
import { columnTypes, identifier, literal, sqlType, textExpression } from "./sql";

/** A Parquet file: the rows of one object in one partition. */
export interface PartitionFile {
  file: string;
  values: PartitionValues;
  /** Folder below the table's: empty, or ending with a slash. */
  folder: string;
}

/** What the heavy transform made of one object. */
export interface Transformed {
  rows: number;
  /** None for an object without rows. */
  files: PartitionFile[];
  /** Expectations that do not hold and only warn. */
  warnings: string[];
}

/**
 * The heavy transform: the manifest's SQL over the view `input`, which holds one object's CSV, becomes Parquet files, one
 * for each partition, after all expectations hold.
 *
 * @param csv from `recordsToCsv`
 * @param directory where the files go
 * @throws Rejection `TransformInvalid`, `SchemaMismatch`, `ExpectationFailed`, `TooManyPartitions` or `PartitionInvalid`
 */
export async function csvToParquet(
  engine: Engine,
  csv: string,
  directory: string,
  manifest: Manifest,
): Promise<Transformed> {
  try {
    const { size } = await stat(csv);
    return await engine.connected(async (connection) => {
      await connection.run(`CREATE TEMP VIEW input AS SELECT * FROM ${readCsv(csv, size, manifest)}`);
      await createOutput(connection, manifest);
      const { rows, warnings } = await check(connection, "output", manifest.expectations);
      const partitions = rows === 0 ? [] : await partitionsOf(connection, manifest);
      const files: PartitionFile[] = [];
      for (const values of partitions) files.push(await write(connection, manifest, values, directory, files.length));
      return { rows, files, warnings };
    });
  } catch (error) {
    throw engineError(error, "the transform of the manifest");
  }
}

function readCsv(csv: string, size: number, manifest: Manifest): string {
  const columns = manifest.input.columns.map(({ name, type }) => ({ name, type: sqlType(type) }));
  const line = Math.min(size + 1, LONGEST_LINE);
  const options = [
    literal(csv),
    `columns = ${columnTypes(columns)}`,
    "auto_detect = false",
    ...["header = true", "delim = ','", `quote = '"'`, `escape = '"'`, "new_line = '\\n'", "nullstr = ''"],
    "allow_quoted_nulls = false",
    // One record may fill the file; DuckDB would make its buffer 16 times as large as the longest line.
    `max_line_size = ${line}`,
    `buffer_size = ${Math.max(line, SMALLEST_BUFFER)}`,
    // A quoted line break may stand at the border of two threads' parts.
    "parallel = false",
  ];
  return `read_csv(${options.join(", ")})`;
}

/** Bytes of one line: no record is longer than 64 MB. */
const LONGEST_LINE = 68 * 1024 ** 2;

/** Bytes that are read at once, if no line needs more. */
const SMALLEST_BUFFER = 4 * 1024 ** 2;

async function createOutput(connection: DuckDBConnection, manifest: Manifest): Promise<void> {
  const select = `(${manifest.sql}\n)`;
  const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${select}`);
  const given = described.getRows().map(([name]) => String(name));
  const missing = manifest.output.columns.map(({ name }) => name).filter((name) => !given.includes(name));
  if (missing.length > 0) {
    throw new Rejection(
      "TransformInvalid",
      `the SQL gives no column ${missing.join(", ")}; it gives ${given.join(", ")}`,
    );
  }
  const columns = manifest.output.columns.map(
    ({ name, type }) => `CAST(${identifier(name)} AS ${sqlType(type)}) AS ${identifier(name)}`,
  );
  await connection.run(`CREATE TEMP TABLE output AS SELECT ${columns.join(", ")} FROM ${select}`);
}

/** A partition column's value as text. Hive has one partition for NULL and for the empty text. */
function partitionText(column: string): string {
  return `nullif(nullif(CAST(${identifier(column)} AS VARCHAR), ''), ${literal(NULL_PARTITION)})`;
}

async function partitionsOf(connection: DuckDBConnection, manifest: Manifest): Promise<PartitionValues[]> {
  const { partitionBy, limits } = manifest;
  if (partitionBy.length === 0) return [[]];
  const columns = partitionBy.map(partitionText).join(", ");
  const query = `SELECT DISTINCT ${columns} FROM output ORDER BY ALL LIMIT ${limits.partitionsPerObject + 1}`;
  const found = (await connection.runAndReadAll(query)).getRows() as PartitionValues[];
  if (found.length > limits.partitionsPerObject) {
    const allowed = `${limits.partitionsPerObject} that the manifest allows (limits.partitionsPerObject)`;
    throw new Rejection(
      "TooManyPartitions",
      `the rows fall into more partitions by ${partitionBy.join(", ")} than the ${allowed}`,
    );
  }
  return found;
}

async function write(
  connection: DuckDBConnection,
  manifest: Manifest,
  values: PartitionValues,
  directory: string,
  number: number,
): Promise<PartitionFile> {
  const { partitionBy } = manifest;
  const columns = manifest.output.columns
    .filter(({ name }) => !partitionBy.includes(name))
    .map(({ name }) => identifier(name));
  const matches = partitionBy.map((column, index) => {
    const value = values[index] ?? null;
    return `${partitionText(column)} IS NOT DISTINCT FROM (${value === null ? "NULL" : textExpression(value)})`;
  });
  const where = matches.length > 0 ? ` WHERE ${matches.join(" AND ")}` : "";
  const folder = partitionPath(partitionBy, values);
  const file = path.join(directory, `${number}.parquet`);
  await connection.run(
    `COPY (SELECT ${columns.join(", ")} FROM output${where}) TO ${literal(file)} (FORMAT parquet, COMPRESSION zstd)`,
  );
  return { file, values, folder };
}
