import { createReadStream } from "node:fs";
import { copyFile, mkdir, mkdtemp, rename, rm, rmdir, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { Rejection } from "../../layer/errors";
import { loadManifests, parseManifest, sizeInBytes, type Manifest } from "../../layer/manifest";
import { isNested } from "../../layer/manifest/types";
import { withEngine, type Engine } from "../../layer/transform/engine";
import type { ExpectationResult } from "../../layer/transform/results";
import { identifier, literal } from "../../layer/transform/sql";
import { stage } from "../../layer/transform/staging";
import { withWorkspace } from "../../layer/transform/workspace";
import { userError } from "../errors";
import { infer, type Inferred } from "./infer";
import { splitName } from "./names";
import { shortSample } from "./sample";
import { manifestText, transformText } from "./text";
import { tryRecords } from "./trial";

/** A file up to this size (bytes) becomes the sample as it is; of a larger one, the first records do. */
const SMALL = 1024 ** 2;

const LARGEST = "256 MB";

/** Rows of a sample below which it says nothing about keys. */
const FEWEST = 3;

/** What was made. */
export interface Created {
  manifest: Manifest;
  inferred: Inferred;
  /** Rows that both stages made of the file. */
  rows: number;
  /** What came of the expectations that the manifest begins with. */
  expectations: ExpectationResult[];
  /** Files, relative to the checkout. */
  files: string[];
}

interface Draft {
  manifest: Manifest;
  inferred: Inferred;
  rows: number;
  expectations: ExpectationResult[];
  texts: Record<string, string>;
}

/**
 * Makes the folder of a new dataset from a file as its producers will send it, after both stages have taken that file with it.
 *
 * @param root the checkout
 * @throws TributaryError `DatasetNameInvalid`, `DatasetExists`, `FileMissing`, `NotAFile`, `SampleInvalid` or `ManifestInvalid`
 */
export async function createDataset(root: string, name: string, from: string): Promise<Created> {
  const { team, dataset } = splitName(name);
  const folder = path.join(root, "datasets", team, dataset);
  if (await stat(folder).catch(() => undefined)) throw exists(name);
  const table = freeTable(loadManifests(path.join(root, "datasets")), team, dataset);
  const { size } = await source(from);
  return withWorkspace((work) =>
    withEngine(work, async (engine) => {
      const draft = await attempt(engine, from, { team, dataset, table });
      const sample = path.join(work, "sample");
      const ending =
        size <= SMALL ? undefined : await shortSample(engine, path.join(work, "records"), sample, draft.inferred);
      const file = ending === undefined ? path.basename(from) : `sample.${ending}`;
      await writeFolder(folder, draft.texts, { from: ending === undefined ? from : sample, file }).catch((error) => {
        throw ["ENOTEMPTY", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? "") ? exists(name) : error;
      });
      const made = [...Object.keys(draft.texts), path.join("sample", file)];
      const files = made.map((one) => path.join("datasets", team, dataset, one));
      const { manifest, inferred, rows, expectations } = draft;
      return { manifest, inferred, rows, expectations, files };
    }),
  );
}

function exists(name: string): Error {
  return userError(
    "DatasetExists",
    `datasets/${name} is there already; nothing was changed`,
    "another name, or edit its manifest.yaml",
  );
}

async function source(from: string) {
  const found = await stat(from).catch(() => undefined);
  if (!found) throw userError("FileMissing", `${from} is not there; nothing was made`, "check the path behind --from");
  if (!found.isFile())
    throw userError("NotAFile", `${from} is no file; nothing was made`, "name one file behind --from");
  return found;
}

function freeTable(others: Manifest[], team: string, dataset: string): string {
  const queue = others.find((other) => `${other.team}-${other.dataset}` === `${team}-${dataset}`);
  if (queue)
    throw userError(
      "DatasetNameInvalid",
      `the queues of ${team}/${dataset} would have the names of those of ${queue.team}/${queue.dataset}: ${team}-${dataset}`,
      "choose another name",
    );
  const short = dataset.replaceAll("-", "_");
  return others.some(({ table }) => table === short) ? `${team}_${dataset}`.replaceAll("-", "_") : short;
}

/** Infers a manifest and lets both stages take the file with it. */
async function attempt(
  engine: Engine,
  from: string,
  names: { team: string; dataset: string; table: string },
): Promise<Draft> {
  const [records, csv] = [path.join(engine.directory, "records"), path.join(engine.directory, "records.csv")];
  try {
    const shape = await stage(createReadStream(from), records, sizeInBytes(LARGEST));
    const inferred = await infer(engine, { file: records, shape }, csv);
    const sql = transformText(inferred.columns, await reserved(engine), inferred.dates);
    const label = `datasets/${names.team}/${names.dataset}/manifest.yaml`;
    const write = (keys: string[]) => {
      const text = manifestText({ ...names, inferred, keys });
      return { text, manifest: { ...parseManifest(text, label), sql: sql.trim() } };
    };
    const run = (manifest: Manifest) => tryRecords(engine, engine.directory, { file: records, shape }, manifest);
    const { files } = await run(write([]).manifest);
    const { text, manifest } = write(await keysOf(engine, files[0]?.file, inferred));
    const { rows, expectations } = await run(manifest);
    return { manifest, inferred, rows, expectations, texts: { "manifest.yaml": text, "transform.sql": sql } };
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    throw userError(
      "SampleInvalid",
      `${from} cannot be a sample (${error.code}): ${error.message}; nothing was made`,
      "mend the file, or take another one; docs/datasets.md says what objects may hold",
    );
  }
}

/** The first column that could be a key: never NULL, and no value twice in a sample of some rows. */
async function keysOf(engine: Engine, file: string | undefined, { columns }: Inferred): Promise<string[]> {
  if (file === undefined) return [];
  const plain = columns.filter(({ type }) => !isNested(type) && type !== "boolean" && type !== "double");
  const counts = plain.map(({ name }) => `count(DISTINCT ${identifier(name)})`);
  const query = `SELECT ${["count(*)", ...counts].join(", ")} FROM read_parquet(${literal(file)}, hive_partitioning = false)`;
  const [row] = await engine.connected(async (connection) => (await connection.runAndReadAll(query)).getRows());
  const [rows = 0, ...distinct] = (row ?? []).map(Number);
  const key = plain[distinct.indexOf(rows)];
  return key === undefined || rows < FEWEST ? [] : [key.name];
}

/** Words that DuckDB takes for a column's name only in quotes. */
async function reserved(engine: Engine): Promise<Set<string>> {
  const query = "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category <> 'unreserved'";
  const rows = await engine.connected(async (connection) => (await connection.runAndReadAll(query)).getRows());
  return new Set(rows.map(([word]) => String(word)));
}

/** Writes the folder beside its place and moves it there when it is complete. */
async function writeFolder(
  folder: string,
  texts: Record<string, string>,
  sample: { from: string; file: string },
): Promise<void> {
  const team = path.dirname(folder);
  const first = await mkdir(team, { recursive: true });
  const draft = await mkdtemp(path.join(team, ".new-"));
  try {
    for (const [file, text] of Object.entries(texts)) await writeFile(path.join(draft, file), text);
    await mkdir(path.join(draft, "sample"));
    await copyFile(sample.from, path.join(draft, "sample", sample.file));
    await rename(draft, folder);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (first !== undefined) await rmdir(team).catch(() => undefined);
    throw error;
  }
}
