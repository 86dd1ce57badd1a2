import { createReadStream } from "node:fs";
import { readdir, writeFile } from "node:fs/promises";
import * as path from "node:path";
import { errorRecord, LayerError, Rejection } from "../../layer/errors";
import { sizeInBytes, type Manifest } from "../../layer/manifest";
import { captured } from "../../layer/manifest/group";
import { withEngine, type Engine } from "../../layer/transform/engine";
import type { Staged } from "../../layer/transform/light";
import type { ExpectationResult } from "../../layer/transform/results";
import { stage } from "../../layer/transform/staging";
import { withWorkspace } from "../../layer/transform/workspace";
import { secondsSince } from "../events";
import { castsOf, type Cast } from "./casts";
import { checkQueries, type QueryCheck } from "./queries";
import { tryRecords, type Trial } from "./trial";

/** What came of one file. */
export interface FileTest {
  /** As the report names it; undefined where the dataset has no sample and its SQL was tried on no records. */
  file?: string;
  ok: boolean;
  records: number;
  rows: number;
  quarantined: number;
  files: number;
  /** Folders below the table's; none without `partitionBy`. */
  partitions: string[];
  /** What `group.key` captures of the file's name; null where it does not fit. Only with such an expression. */
  group?: string | null;
  expectations: ExpectationResult[];
  casts: Cast[];
  /** `code: message` of what an object like this would be rejected for. */
  failure?: string;
  seconds: number;
}

/** What came of one dataset. */
export interface DatasetTest {
  dataset: string;
  ok: boolean;
  tests: FileTest[];
  queries: QueryCheck[];
  seconds: number;
}

/** A file that is tested, and how the report names it. */
export interface Tested {
  path: string;
  name: string;
  /** When it came. Without it `freshness` only asks that there is a value: a sample gets older and says nothing new. */
  arrivedAt?: Date;
}

/** Every value is younger than this. */
const LONG_AGO = new Date(0);

/** Samples of a dataset: the files of its folder `sample`. */
export async function samplesOf(root: string, { team, dataset }: Manifest): Promise<Tested[]> {
  const folder = path.join(root, "datasets", team, dataset, "sample");
  const found = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const names = found.filter((entry) => entry.isFile() && !entry.name.startsWith(".")).map(({ name }) => name);
  return names.sort().map((name) => ({ path: path.join(folder, name), name }));
}

/** Lets both stages take a dataset's files, or, where it has none, no records: that its SQL fits the manifest shows all the same. */
export async function testDataset(manifest: Manifest, files: readonly Tested[]): Promise<DatasetTest> {
  const started = performance.now();
  const tests: FileTest[] = [];
  return withWorkspace((directory) =>
    withEngine(directory, async (engine) => {
      const all: (Tested | undefined)[] = files.length > 0 ? [...files] : [undefined];
      for (const file of all) tests.push(await testFile(engine, manifest, file));
      const queries = await checkQueries(engine, manifest.queries ?? {});
      const ok = tests.every((one) => one.ok);
      return { dataset: `${manifest.team}/${manifest.dataset}`, ok, tests, queries, seconds: secondsSince(started) };
    }),
  );
}

async function testFile(engine: Engine, manifest: Manifest, file: Tested | undefined): Promise<FileTest> {
  const started = performance.now();
  const named = file === undefined ? {} : { file: file.name, ...groupOf(manifest, file) };
  try {
    return await withWorkspace(async (directory) => {
      const staged = await stagedFile(directory, manifest, file);
      const trial = await tryRecords(engine, directory, staged, manifest, file?.arrivedAt ?? LONG_AGO);
      const outcome = outcomeOf(trial, await castsOf(engine, trial.csv, manifest));
      return { ...named, ...outcome, seconds: secondsSince(started) };
    }, engine.directory);
  } catch (error) {
    if (!(error instanceof Rejection || error instanceof LayerError)) throw error;
    const { code, message } = errorRecord(error);
    const nothing = { records: 0, rows: 0, quarantined: 0, files: 0, partitions: [], expectations: [], casts: [] };
    return { ...named, ok: false, ...nothing, failure: `${code}: ${message}`, seconds: secondsSince(started) };
  }
}

/** As Stage A stages an object. */
async function stagedFile(directory: string, manifest: Manifest, file: Tested | undefined): Promise<Staged> {
  const records = path.join(directory, "records");
  if (file !== undefined) {
    const limit = sizeInBytes(manifest.limits.objectSize);
    return { file: records, shape: await stage(createReadStream(file.path), records, limit, manifest.input.format) };
  }
  await writeFile(records, "[]");
  return { file: records, shape: "array" };
}

function outcomeOf(trial: Trial, casts: Cast[]): Omit<FileTest, "file" | "group" | "seconds"> {
  const { records, rows, quarantined, expectations, files, rejected } = trial;
  const folders = files.map(({ folder }) => folder).filter((folder) => folder !== "");
  return {
    ok: rejected === undefined && !casts.some(({ loses }) => loses),
    ...{ records, rows, quarantined, files: files.length, partitions: folders, expectations, casts },
    ...(rejected === undefined ? {} : { failure: rejected }),
  };
}

function groupOf({ group }: Manifest, { name }: Tested): Pick<FileTest, "group"> {
  return typeof group === "string" ? {} : { group: captured(group.key, name) ?? null };
}
