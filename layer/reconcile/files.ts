import { HeadObjectCommand } from "@aws-sdk/client-s3";
import PQueue from "p-queue";
import { client } from "../clients";
import { env } from "../config";
import { itemsOfKey } from "../flow/identified";
import { fileStem } from "../identity";
import { CURRENT, readItems, type CurrentItem, type ObjectItem } from "../store/metadata";
import { parquetRows } from "./parquetRows";
import type { StageFile } from "./streams";
import type { Difference } from "./types";

/** Requests at once: one takes some 20 ms, and S3 takes 5,500 a second on one prefix. */
const CONCURRENCY = 32;

/** A key's current version, whose files make up the table. */
export interface Published {
  item: ObjectItem;
  files: string[];
}

/** What is wrong with the files of a version. */
export interface FileCheck {
  item: ObjectItem;
  /** At most one `missing`, or some `rows`. */
  differences: Difference[];
  /** Files whose rows were counted. */
  counted: number;
}

/**
 * Looks at the files of current versions: whether they are there, and whether they hold the rows that were recorded.
 *
 * @param countRows whether rows are to be counted; else only whether the files are there
 */
export async function checkPublished(
  published: Published[],
  countRows: (item: ObjectItem) => boolean,
): Promise<FileCheck[]> {
  const queue = new PQueue({ concurrency: CONCURRENCY });
  return Promise.all(
    published.map(async ({ item, files }) => {
      const rows = await Promise.all(
        files.map((file) => queue.add(() => (countRows(item) ? rowsOf(file) : isThere(file)))),
      );
      const missing = files.filter((_, index) => rows[index] === "missing");
      return {
        item,
        differences: differences({ item, files }, rows, missing),
        counted: countRows(item) ? files.length : 0,
      };
    }),
  );
}

type Looked = number | "missing" | "there" | { problem: string };

function differences({ item, files }: Published, looked: (Looked | void)[], missing: string[]): Difference[] {
  const { key, version } = item;
  const [first] = missing;
  if (first !== undefined) {
    const detail = `${missing.length} of its ${files.length} files in the table are not there`;
    return [{ kind: "missing", key, version, file: first, detail }];
  }
  const broken = looked.flatMap((one, index): Difference[] =>
    typeof one === "object"
      ? [{ kind: "rows", key, version, ...(files[index] !== undefined && { file: files[index] }), detail: one.problem }]
      : [],
  );
  if (broken.length > 0 || looked.some((one) => typeof one !== "number")) return broken;
  const rows = (looked as number[]).reduce((sum, each) => sum + each, 0);
  if (item.rows === undefined || rows === item.rows) return [];
  const detail = `its Parquet files hold ${rows} rows, recorded are ${item.rows}`;
  return [{ kind: "rows", key, version, detail }];
}

async function rowsOf(file: string): Promise<Looked> {
  try {
    return (await parquetRows(file)) ?? "missing";
  } catch (error) {
    if ((error as { $metadata?: unknown }).$metadata !== undefined) throw error;
    return { problem: `cannot be read as Parquet: ${(error as Error).message}` };
  }
}

async function isThere(Key: string): Promise<Looked> {
  try {
    await (await client("s3")).send(new HeadObjectCommand({ Bucket: env("STAGE_BUCKET"), Key }));
    return "there";
  } catch (error) {
    if ((error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode === 404) return "missing";
    throw error;
  }
}

/** A file that belongs to no current version. */
export interface Orphan {
  file: string;
  detail: string;
  /** It is one of the lake's own, and nobody is working on its version: it may be deleted. */
  safe: boolean;
}

/**
 * Which files below `post/` belong to no current version.
 *
 * @returns also how many of the files belong to current versions
 * @param old whether a file's age is beyond doubt: younger ones may belong to a version that is being published
 */
export async function orphansOf(
  files: StageFile[],
  old: (lastModified: Date) => boolean,
): Promise<{ orphans: Orphan[]; young: number; current: number }> {
  const keyIds = new Map(files.map(({ file }) => [file, keyIdOfFile(file)]));
  const known = [...new Set([...keyIds.values()].filter((keyId) => keyId !== undefined))];
  const currents = await readItems<CurrentItem>(known.map((keyId) => ({ keyId, version: CURRENT })));
  const all = [...currents.values()];
  const current = new Set(all.flatMap((one) => one.files));
  const named = new Set([...current, ...all.flatMap((one) => one.obsolete ?? [])]);
  const candidates = files.filter(({ file }) => !named.has(file));
  const due = candidates.filter(({ lastModified }) => old(lastModified));
  const judged = await Promise.all(due.map(({ file }) => judge(file, keyIds.get(file))));
  const orphans = judged.filter((one) => one !== undefined);
  const there = files.filter(({ file }) => current.has(file)).length;
  return { orphans, young: candidates.length - orphans.length, current: there };
}

/** Undefined when the file's version has no outcome yet: it may be about to be published. */
async function judge(file: string, keyId: string | undefined): Promise<Orphan | undefined> {
  if (keyId === undefined) return { file, detail: "is no file of the lake, though the table reads it", safe: false };
  const items = await itemsOfKey(keyId);
  const stem = stemOf(file);
  const owner = items.find((item) => item.version !== CURRENT && fileStem(item) === stem);
  if (owner && owner.status !== "PROCESSED" && owner.status !== "FAILED") return undefined;
  const current = items.find(({ version }) => version === CURRENT) as CurrentItem | undefined;
  // Read once more: it may have been published since.
  if (current?.files.includes(file)) return undefined;
  const what = owner === undefined ? "its version is not known" : `its version is ${owner.status}`;
  return { file, detail: `belongs to no current version: ${what}`, safe: true };
}

/** Name of the lake's own files: `<keyId>-<version digest>`, and a number where a version has several in one folder. */
const OWN_FILE = /(?:^|\/)(([0-9a-f]{32})-[0-9a-f]{16})(?:\.\d+)?\.parquet$/;

function stemOf(file: string): string | undefined {
  return OWN_FILE.exec(file)?.[1];
}

function keyIdOfFile(file: string): string | undefined {
  return OWN_FILE.exec(file)?.[2];
}
