import { readFile, writeFile } from "node:fs/promises";
import type { Manifest } from "../../../layer/manifest-schema";
import type { Engine } from "../../../layer/transform/engine";
import { fieldOf } from "../../../layer/transform/formats/source";
import { readHeader } from "../../../layer/transform/formats/header";
import { literal } from "../../../layer/transform/sql";
import type { Staged } from "../../../layer/transform/light";

/** Records from the first to before the second, counted from 0. */
export type Range = readonly [from: number, to: number];

/** The records of a file, of which some can be written to another file of the same format, byte for byte. */
export interface Records {
  count: number;
  /** Writes these records, in their order. */
  write(ranges: readonly Range[], file: string): Promise<Staged>;
  /** Whether a file without records is one that the lake takes: else the object has to go as a whole. */
  mayBeEmpty: boolean;
}

/** Finds the records of a staged file, as Stage A sees them. */
export async function recordsOf(engine: Engine, staged: Staged, manifest: Manifest): Promise<Records> {
  if (staged.shape === "parquet") return parquetRecords(engine, staged.file);
  const bytes = await readFile(staged.file);
  return staged.shape === "csv" ? csvRecords(bytes, staged.file, manifest) : jsonRecords(bytes, staged.shape);
}

/** What is not in the ranges. */
export function without(ranges: readonly Range[], count: number): Range[] {
  const sorted = [...ranges].sort(([a], [b]) => a - b);
  const left: Range[] = [];
  let begin = 0;
  for (const [from, to] of sorted) {
    if (from > begin) left.push([begin, from]);
    begin = Math.max(begin, to);
  }
  if (begin < count) left.push([begin, count]);
  return left;
}

const [QUOTE, BACKSLASH, OPEN, CLOSE, OPEN_LIST, CLOSE_LIST, LF, CR] = [0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d, 0x0a, 0x0d];

function jsonRecords(bytes: Buffer, shape: "object" | "array"): Records {
  const spans = jsonSpans(bytes, shape === "array" ? 1 : 0);
  return {
    count: spans.length,
    mayBeEmpty: true,
    async write(ranges, file) {
      const records = ranges.flatMap(([from, to]) => spans.slice(from, to)).map(([a, b]) => bytes.subarray(a, b));
      const array = shape === "array" || records.length === 0;
      await writeFile(file, array ? joined("[", records, ",\n", "]\n") : joined("", records, "\n", "\n"));
      return { file, shape: array ? "array" : "object" };
    },
  };
}

/** Where the objects at a depth begin and end. The file was read by DuckDB before: it is well-formed. */
function jsonSpans(bytes: Buffer, level: number): [number, number][] {
  const spans: [number, number][] = [];
  let [depth, begin, text] = [0, 0, false];
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (text) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) text = false;
    } else if (byte === QUOTE) text = true;
    else if (byte === OPEN || byte === OPEN_LIST) {
      if (depth++ === level) begin = at;
    } else if ((byte === CLOSE || byte === CLOSE_LIST) && --depth === level) spans.push([begin, at + 1]);
  }
  return spans;
}

async function csvRecords(bytes: Buffer, file: string, manifest: Manifest): Promise<Records> {
  const { csv, columns } = manifest.input;
  const { skip } = await readHeader(file, csv, csv.header ? columns.map((column) => fieldOf(column).trim()) : []);
  const lines = csvLines(bytes, csv.quote.charCodeAt(0));
  const head = lines.slice(0, csv.header ? skip + 1 : skip).at(-1)?.[1] ?? 0;
  const spans = lines.slice(csv.header ? skip + 1 : skip);
  return {
    count: spans.length,
    mayBeEmpty: csv.header,
    async write(ranges, target) {
      const records = ranges.flatMap(([from, to]) => spans.slice(from, to)).map(([a, b]) => bytes.subarray(a, b));
      await writeFile(target, Buffer.concat([bytes.subarray(0, head), ...records]));
      return { file: target, shape: "csv" };
    },
  };
}

/** Where the lines begin and end, their line end included; one within quotes ends none. */
function csvLines(bytes: Buffer, quote: number): [number, number][] {
  const spans: [number, number][] = [];
  let [begin, quoted] = [0, false];
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === quote) quoted = !quoted;
    else if (!quoted && (byte === LF || (byte === CR && bytes[at + 1] !== LF))) {
      spans.push([begin, at + 1]);
      begin = at + 1;
    }
  }
  if (begin < bytes.length) spans.push([begin, bytes.length]);
  return spans;
}

async function parquetRecords(engine: Engine, source: string): Promise<Records> {
  const from = `read_parquet(${literal(source)}, file_row_number = true, hive_partitioning = false)`;
  const count = await engine.connected(async (connection) => {
    const rows = (await connection.runAndReadAll(`SELECT count(*) FROM ${from}`)).getRows();
    return Number(rows[0]?.[0]);
  });
  return {
    count,
    mayBeEmpty: true,
    async write(ranges, file) {
      const tests = ranges.map(([a, b]) => `file_row_number >= ${a} AND file_row_number < ${b}`);
      const select = `SELECT * EXCLUDE (file_row_number) FROM ${from} WHERE ${tests.join(" OR ") || "false"} ORDER BY file_row_number`;
      await engine.connected(async (connection) => {
        await connection.run(`COPY (${select}) TO ${literal(file)} (FORMAT parquet, COMPRESSION zstd)`);
      });
      return { file, shape: "parquet" };
    },
  };
}

function joined(begin: string, parts: Buffer[], separator: string, end: string): Buffer {
  const between = Buffer.from(separator);
  return Buffer.concat([
    Buffer.from(begin),
    ...parts.flatMap((part, index) => (index === 0 ? [part] : [between, part])),
    Buffer.from(end),
  ]);
}
