import { DuckDBInstance } from "@duckdb/node-api";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";
import { Rejection } from "../../../../layer/errors";
import {
  manifestFileSchema,
  sizeInBytes,
  type CsvSettings,
  type InputColumn,
  type InputFormat,
  type Manifest,
} from "../../../../layer/manifest";
import { EVOLUTION, type Evolution } from "../../../../layer/manifest/schema";
import type { Checked } from "../../../../layer/transform/expectations";
import { csvToParquet } from "../../../../layer/transform/heavy";
import { recordsToCsv, type Read } from "../../../../layer/transform/light";
import { stage } from "../../../../layer/transform/staging";
import { withWorkspace } from "../../../../layer/transform/workspace";
import { inEngine } from "./engine";

/** What a test says of a manifest. */
export interface Settings {
  columns: InputColumn[];
  format?: InputFormat;
  csv?: Partial<CsvSettings>;
  objectSize?: string;
  evolution?: Partial<Evolution>;
}

/** CSV that the light transform makes of an object's bytes, or its rejection as `code: message`. */
export async function lightly(body: Buffer | Buffer[] | string, settings: Settings): Promise<string> {
  try {
    return (await read(body, settings)).csv;
  } catch (error) {
    if (error instanceof Rejection) return `${error.code}: ${error.message}`;
    throw error;
  }
}

/** What the light transform makes of an object's bytes. */
export async function read(body: Buffer | Buffer[] | string, settings: Settings): Promise<Read & { csv: string }> {
  const { columns, format = "auto", csv = {}, objectSize = "64 MB" } = settings;
  const evolution = { ...EVOLUTION, ...settings.evolution };
  const chunks = Array.isArray(body) ? body : [Buffer.from(body as string)];
  return inEngine(async (engine, directory) => {
    const [file, output] = [path.join(directory, "in"), path.join(directory, "out")];
    const shape = await stage(Readable.from(chunks), file, sizeInBytes(objectSize), format);
    const input = { format, csv: { header: true, quote: '"', ...csv }, columns };
    const limits = { objectSize, partitionsPerObject: 1 };
    const made = await recordsToCsv(engine, { file, shape }, output, { input, limits, evolution });
    return { ...made, csv: await readFile(output, "utf8") };
  });
}

/** The bytes that DuckDB writes for a query. */
export async function written(query: string, options: string): Promise<Buffer> {
  return withWorkspace(async (directory) => {
    const file = path.join(directory, "out");
    const instance = await DuckDBInstance.create(":memory:");
    try {
      const connection = await instance.connect();
      await connection.run(`COPY (${query}) TO '${file}' (${options})`);
      connection.closeSync();
      return await readFile(file);
    } finally {
      instance.closeSync();
    }
  });
}

/** Rows that both stages make of an object's bytes, read back from the Parquet file. */
export async function transformed(body: Buffer, manifest: Manifest): Promise<unknown[][]> {
  return inEngine(async (engine, directory) => {
    const [file, csv] = [path.join(directory, "in"), path.join(directory, "in.csv")];
    const limit = sizeInBytes(manifest.limits.objectSize);
    const shape = await stage(Readable.from([body]), file, limit, manifest.input.format);
    await recordsToCsv(engine, { file, shape }, csv, manifest);
    const { files } = await csvToParquet(engine, csv, directory, manifest);
    const list = files.map((one) => `'${one.file}'`).join(", ");
    const rows = await engine.connected((connection) =>
      connection.runAndReadAll(`SELECT * FROM read_parquet([${list}])`),
    );
    return rows.getRows().map((row) => row.map(plain));
  });
}

/** Numbers, booleans and NULL as they are; all else as its text. */
function plain(value: unknown): unknown {
  return value === null || typeof value !== "object" ? value : String(value);
}

/** What both stages made of an object, with the rows of its files. */
export interface Both extends Checked {
  /** Rows by folder, as objects. */
  files: Record<string, Record<string, unknown>[]>;
  quarantine: Record<string, unknown>[];
  /** Names and types of the columns in the first file. */
  columns: [string, string][];
  /** Row groups of the first file. */
  groups: number;
}

/** What both stages make of an object's bytes. */
export async function bothStages(body: string | Buffer, manifest: Manifest, arrivedAt?: Date): Promise<Both> {
  return inEngine(async (engine, directory) => {
    const [file, csv] = [path.join(directory, "in"), path.join(directory, "in.csv")];
    const shape = await stage(Readable.from([Buffer.from(body as string)]), file, 1e9, manifest.input.format);
    await recordsToCsv(engine, { file, shape }, csv, manifest);
    const { files, quarantine, ...checked } = await csvToParquet(engine, csv, directory, manifest, arrivedAt);
    return engine.connected(async (connection) => {
      const ask = async (query: string) => (await connection.runAndReadAll(query)).getRowObjectsJson();
      const rows = (one: string) => ask(`SELECT * FROM read_parquet('${one}', hive_partitioning = false)`);
      const made = await Promise.all(files.map(async (one) => [one.folder, await rows(one.file)] as const));
      const first = files[0]?.file ?? quarantine;
      const described =
        first === undefined
          ? []
          : await ask(`DESCRIBE SELECT * FROM read_parquet('${first}', hive_partitioning = false)`);
      const [{ groups } = { groups: 0 }] =
        first === undefined ? [] : await ask(`SELECT num_row_groups AS groups FROM parquet_file_metadata('${first}')`);
      return {
        ...checked,
        files: Object.fromEntries(made),
        quarantine: quarantine === undefined ? [] : await rows(quarantine),
        columns: described.map((row) => [String(row.column_name), String(row.column_type)] as [string, string]),
        groups: Number(groups),
      };
    });
  });
}

/** A manifest of a dataset t/d, with defaults. */
export function manifestOf(change: Record<string, unknown> & { sql?: string }): Manifest {
  const { sql = "SELECT * FROM input", ...rest } = change;
  const base = { team: "t", dataset: "d", description: "d", table: "d", transform: "t.sql" };
  return { ...manifestFileSchema.parse({ ...base, ...rest }), sql };
}
