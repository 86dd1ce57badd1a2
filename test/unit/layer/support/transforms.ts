import { DuckDBInstance } from "@duckdb/node-api";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";
import { Rejection } from "../../../../layer/errors";
import {
  sizeInBytes,
  type CsvSettings,
  type InputColumn,
  type InputFormat,
  type Manifest,
} from "../../../../layer/manifest";
import { withEngine } from "../../../../layer/transform/engine";
import { csvToParquet } from "../../../../layer/transform/heavy";
import { recordsToCsv } from "../../../../layer/transform/light";
import { stage } from "../../../../layer/transform/staging";
import { withWorkspace } from "../../../../layer/transform/workspace";

/** What a test says of a manifest. */
export interface Settings {
  columns: InputColumn[];
  format?: InputFormat;
  csv?: Partial<CsvSettings>;
  objectSize?: string;
}

/** CSV that the light transform makes of an object's bytes, or its rejection as `code: message`. */
export async function lightly(body: Buffer | Buffer[] | string, settings: Settings): Promise<string> {
  const { columns, format = "auto", csv = {}, objectSize = "64 MB" } = settings;
  const chunks = Array.isArray(body) ? body : [Buffer.from(body as string)];
  try {
    return await withWorkspace((directory) =>
      withEngine(directory, async (engine) => {
        const [file, output] = [path.join(directory, "in"), path.join(directory, "out")];
        const shape = await stage(Readable.from(chunks), file, sizeInBytes(objectSize), format);
        const input = { format, csv: { header: true, quote: '"', ...csv }, columns };
        const limits = { objectSize, partitionsPerObject: 1 };
        await recordsToCsv(engine, { file, shape }, output, { input, limits });
        return await readFile(output, "utf8");
      }),
    );
  } catch (error) {
    if (error instanceof Rejection) return `${error.code}: ${error.message}`;
    throw error;
  }
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
  return withWorkspace((directory) =>
    withEngine(directory, async (engine) => {
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
    }),
  );
}

/** Numbers, booleans and NULL as they are; all else as its text. */
function plain(value: unknown): unknown {
  return value === null || typeof value !== "object" ? value : String(value);
}
