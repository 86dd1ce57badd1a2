import type { DuckDBConnection } from "@duckdb/node-api";
import { stat } from "node:fs/promises";
import path from "node:path";
import { Rejection } from "../errors";
import type { Manifest } from "../manifest-schema";
import { EXTRA_COLUMN, fileColumns, partitionKeys, type PartitionKey } from "../manifest/output";
import { EXTRA, keepsExtra } from "../manifest/schema";
import { isNested } from "../manifest/types";
import type { Engine } from "./engine";
import { engineError } from "./engine";
import { check, QUARANTINED, type Checked } from "./expectations";
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
export interface Transformed extends Checked {
  /** None for an object without rows. */
  files: PartitionFile[];
  /** The Parquet file of the rows in quarantine; undefined where there are none. */
  quarantine?: string;
}

/**
 * The heavy transform: the manifest's SQL over the view `input`, which holds one object's CSV, becomes Parquet files, one
 * for each partition, of the rows that expectations leave.
 *
 * @param csv from `recordsToCsv`
 * @param directory where the files go
 * @param arrivedAt when the object came
 * @throws Rejection `TransformInvalid`, `SchemaMismatch`, `ExpectationFailed`, `TooManyPartitions` or `PartitionInvalid`
 */
export async function csvToParquet(
  engine: Engine,
  csv: string,
  directory: string,
  manifest: Manifest,
  arrivedAt: Date = new Date(),
): Promise<Transformed> {
  try {
    return await engine.connected(async (connection) => {
      await createInput(connection, csv, manifest);
      await createOutput(connection, manifest);
      const checked = await check(connection, "output", manifest.expectations, arrivedAt);
      const partitions = checked.rows === 0 ? [] : await partitionsOf(connection, manifest);
      const files: PartitionFile[] = [];
      for (const values of partitions) files.push(await write(connection, manifest, values, directory, files.length));
      if (checked.quarantined === 0) return { ...checked, files };
      const quarantine = path.join(directory, "quarantine.parquet");
      await copy(connection, `SELECT * FROM ${QUARANTINED}`, quarantine, manifest);
      return { ...checked, files, quarantine };
    });
  } catch (error) {
    throw engineError(error, "the transform of the manifest");
  }
}

/** Makes the view `input` that the manifest's SQL reads. @param csv from `recordsToCsv` */
export async function createInput(connection: DuckDBConnection, csv: string, manifest: Manifest): Promise<void> {
  const { size } = await stat(csv);
  const from = readCsv(csv, size, manifest);
  await connection.run(`CREATE TEMP VIEW input AS SELECT ${inputColumns(manifest)} FROM ${from}`);
}

/** Columns of the view `input`: what is nested comes as JSON. */
function inputColumns(manifest: Manifest): string {
  const columns = manifest.input.columns.map(({ name, type }) => {
    const column = identifier(name);
    return isNested(type) ? `CAST(CAST(${column} AS JSON) AS ${sqlType(type)}) AS ${column}` : column;
  });
  return [...columns, ...(keepsExtra(manifest) ? [identifier(EXTRA)] : [])].join(", ");
}

function readCsv(csv: string, size: number, manifest: Manifest): string {
  const columns = manifest.input.columns.map(({ name, type }) => ({
    name,
    type: isNested(type) ? "VARCHAR" : sqlType(type),
  }));
  if (keepsExtra(manifest)) columns.push({ name: EXTRA, type: "VARCHAR" });
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
  const wanted = [...manifest.output.columns, ...(keepsExtra(manifest) ? [EXTRA_COLUMN] : [])];
  const missing = wanted.map(({ name }) => name).filter((name) => !given.includes(name));
  if (missing.length > 0) {
    const why = missing.includes(EXTRA) ? `, which evolution: add needs` : "";
    throw new Rejection(
      "TransformInvalid",
      `the SQL gives no column ${missing.join(", ")}${why}; it gives ${given.join(", ")}`,
    );
  }
  const columns = wanted.map(
    ({ name, type }) => `CAST(${identifier(name)} AS ${sqlType(type)}) AS ${identifier(name)}`,
  );
  await connection.run(`CREATE TEMP TABLE output AS SELECT ${columns.join(", ")} FROM ${select}`);
}

/** Parts of a date as the folders have them; docs/datasets.md names them. */
const PARTS = { year: "%Y", month: "%Y-%m", day: "%Y-%m-%d", hour: "%Y-%m-%d-%H" } as const;

/** A partition column's value as text. Hive has one partition for NULL and for the empty text. */
function partitionText({ column, by }: PartitionKey): string {
  const value = by
    ? `strftime(CAST(${identifier(column)} AS TIMESTAMP), ${literal(PARTS[by])})`
    : `CAST(${identifier(column)} AS VARCHAR)`;
  return `nullif(nullif(${value}, ''), ${literal(NULL_PARTITION)})`;
}

async function partitionsOf(connection: DuckDBConnection, manifest: Manifest): Promise<PartitionValues[]> {
  const keys = partitionKeys(manifest);
  const most = manifest.limits.partitionsPerObject;
  if (keys.length === 0) return [[]];
  const columns = keys.map(partitionText).join(", ");
  const query = `SELECT DISTINCT ${columns} FROM output ORDER BY ALL LIMIT ${most + 1}`;
  const found = (await connection.runAndReadAll(query)).getRows() as PartitionValues[];
  if (found.length > most) {
    const names = keys.map(({ name }) => name).join(", ");
    throw new Rejection(
      "TooManyPartitions",
      `the rows fall into more partitions by ${names} than the ${most} that the manifest allows (limits.partitionsPerObject)`,
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
  const keys = partitionKeys(manifest);
  const columns = fileColumns(manifest).map(({ name }) => identifier(name));
  const matches = keys.map((key, index) => {
    const value = values[index] ?? null;
    return `${partitionText(key)} IS NOT DISTINCT FROM (${value === null ? "NULL" : textExpression(value)})`;
  });
  const where = matches.length > 0 ? ` WHERE ${matches.join(" AND ")}` : "";
  const names = keys.map(({ name }) => name);
  const folder = partitionPath(names, values);
  const file = path.join(directory, `${number}.parquet`);
  await copy(connection, `SELECT ${columns.join(", ")} FROM output${where}`, file, manifest);
  return { file, values, folder };
}

/** Writes a Parquet file; each row group has the statistics of its columns, by which queries leave it out. */
async function copy(connection: DuckDBConnection, query: string, file: string, { output }: Manifest): Promise<void> {
  const options = `FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${output.rowGroupSize}`;
  await connection.run(`COPY (${query}) TO ${literal(file)} (${options})`);
}
