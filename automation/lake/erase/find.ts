import { createReadStream } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { Rejection } from "../../../layer/errors";
import type { Manifest } from "../../../layer/manifest-schema";
import type { Engine } from "../../../layer/transform/engine";
import { csvToParquet } from "../../../layer/transform/heavy";
import { recordsToCsv, type Staged } from "../../../layer/transform/light";
import { literal } from "../../../layer/transform/sql";
import { stage } from "../../../layer/transform/staging";
import { withWorkspace } from "../../../layer/transform/workspace";
import { sqlOf, textsOf, type Condition } from "./condition";
import { recordsOf, without, type Range, type Records } from "./records";

/** What is looked for, and with what. */
export interface Search {
  engine: Engine;
  /** The dataset's, made to take everything: see {@link lenient}. */
  manifest: Manifest;
  condition: Condition;
}

/** What was found in a raw object. */
export type Found =
  | { kind: "clean" }
  /** Which records have to go. */
  | { kind: "holds"; staged: Staged; records: Records; ranges: Range[] }
  /** It cannot be read as the manifest says, and its text may hold the values. */
  | { kind: "undecided"; reason: string };

/** Larger than any object. */
const EVERYTHING = "999999 GB";

/** The manifest with which everything is read that can be read: all rows of all partitions, whatever rules say. */
export function lenient(manifest: Manifest): Manifest {
  const { evolution } = manifest;
  return {
    ...manifest,
    expectations: [],
    partitionBy: [],
    evolution: {
      new: evolution.new === "fail" ? "ignore" : evolution.new,
      missing: evolution.missing === "fail" ? "ignore" : evolution.missing,
      retyped: evolution.retyped === "fail" ? "ignore" : evolution.retyped,
    },
    limits: { ...manifest.limits, objectSize: EVERYTHING },
  };
}

/**
 * Finds the records of a raw object for whose rows the condition holds: by the dataset's own transform, over ever smaller parts of the
 * object, so that any SQL and any format will do.
 *
 * @param directory where the object is unpacked; has to be there as long as the answer is used
 */
export async function findRecords(search: Search, body: Readable, directory: string): Promise<Found> {
  const file = join(directory, "object");
  try {
    const staged: Staged = { file, shape: await stage(body, file, Infinity, search.manifest.input.format) };
    if ((await matches(search, staged, directory)) === 0) return { kind: "clean" };
    const records = await recordsOf(search.engine, staged, search.manifest);
    const ranges = await narrow(search, records, directory);
    const left = await records.write(without(ranges, records.count), join(directory, "left"));
    if (ranges.length > 0 && (isEmpty(ranges, records.count) || (await matches(search, left, directory)) === 0)) {
      return { kind: "holds", staged, records, ranges };
    }
    return { kind: "undecided", reason: "its rows are made of several records: which of them to erase cannot be told" };
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    if (error.code === "EmptyObject") return { kind: "clean" };
    // Nothing that cannot be unpacked can be searched.
    const searched = !/^Malformed(Gzip|Zstd)$/.test(error.code);
    if (searched && !(await textHolds(file, search.condition))) return { kind: "clean" };
    return { kind: "undecided", reason: `${error.code}: it cannot be read as its manifest says` };
  }
}

function isEmpty(ranges: readonly Range[], count: number): boolean {
  return ranges.reduce((sum, [from, to]) => sum + to - from, 0) === count;
}

/** The records for which the condition holds each by itself. */
async function narrow(search: Search, records: Records, directory: string): Promise<Range[]> {
  const found: Range[] = [];
  const open: Range[] = [[0, records.count]];
  for (let part = open.pop(); part !== undefined; part = open.pop()) {
    const [from, to] = part;
    if (to <= from) continue;
    const staged = await records.write([part], join(directory, "part"));
    if ((await matchesOrNone(search, staged, directory)) === 0) continue;
    if (to - from === 1) {
      found.push(part);
      continue;
    }
    const middle = Math.floor((from + to) / 2);
    // The first half is looked at first, so that what is found is in order.
    open.push([middle, to], [from, middle]);
  }
  return found;
}

/** A part that is no records by itself, such as an empty line, matches nothing. */
async function matchesOrNone(search: Search, staged: Staged, directory: string): Promise<number> {
  try {
    return await matches(search, staged, directory);
  } catch (error) {
    if (error instanceof Rejection) return 0;
    throw error;
  }
}

/** Rows that the transform makes of a file and for which the condition holds. */
async function matches(search: Search, staged: Staged, parent: string): Promise<number> {
  return withWorkspace(async (directory) => {
    const csv = join(directory, "records.csv");
    await recordsToCsv(search.engine, staged, csv, search.manifest);
    return csvMatches(search, csv, directory);
  }, parent);
}

/** Rows that the transform makes of Stage A's CSV and for which the condition holds. */
export async function csvMatches(
  { engine, manifest, condition }: Search,
  csv: string,
  directory: string,
): Promise<number> {
  const { files } = await csvToParquet(engine, csv, directory, manifest);
  let found = 0;
  for (const { file } of files) found += (await parquetMatches(engine, file, condition, new Map())).matching;
  return found;
}

/** Rows of a Parquet file, and how many of them the condition holds for. */
export async function parquetMatches(
  engine: Engine,
  file: string,
  condition: Condition,
  constants: ReadonlyMap<string, string>,
): Promise<{ rows: number; matching: number; where: string }> {
  return engine.connected(async (connection) => {
    const from = `read_parquet(${literal(file)}, hive_partitioning = false)`;
    const described = (await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${from}`)).getRows();
    const where = sqlOf(condition, new Set(described.map(([name]) => String(name))), constants);
    const counted = await connection.runAndReadAll(`SELECT count(*), count(*) FILTER (WHERE ${where}) FROM ${from}`);
    const [rows, matching] = counted.getRows()[0] ?? [];
    return { rows: Number(rows), matching: Number(matching), where };
  });
}

/** Whether a file holds the texts of all values, in any spelling. */
export async function textHolds(file: string, condition: Condition): Promise<boolean> {
  const wanted = textsOf(condition);
  const found = wanted.map(() => false);
  const longest = Math.max(...wanted.flat().map((text) => text.length));
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(file)) {
    const bytes: Buffer = Buffer.concat([rest, chunk as Buffer]);
    wanted.forEach((texts, index) => (found[index] ||= texts.some((text) => bytes.includes(text))));
    if (found.every(Boolean)) return true;
    rest = bytes.subarray(Math.max(0, bytes.length - longest));
  }
  return found.every(Boolean);
}
