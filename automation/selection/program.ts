import { createHash } from "node:crypto";
import { readdir, readFile, readlink, realpath, stat } from "node:fs/promises";
import * as path from "node:path";
import { digestOf } from "../images/staging";

/** Every file that decides about what a program does: path relative to the checkout, with `/`, to a short digest of its content. */
export type FileDigests = Record<string, string>;

/**
 * What no program reads: its own documentation and tests, what git and the driver keep, and packages, for which package-lock.json
 * stands. Everything else in the checkout counts, since a program may read any file.
 */
const outside: readonly RegExp[] = [
  /^(?:docs|test|\.ci|\.github)(?:\/|$)/,
  // Anywhere: a folder with states may lie in the checkout.
  /(?:^|\/)(?:node_modules|\.git|\.tributary|\.pulumi)(?:\/|$)/,
  /^[^/]*\.md$/,
  /^(?:\.gitignore|\.prettier[^/]*|eslint\.config\.[a-z]+)$/,
  // Settings are compared key by key, for each stack its own.
  /^Pulumi\.[^/]+\.yaml$/,
];

/** Whether a path of the checkout, written with `/`, can decide about what a program does. */
export function isOfProgram(file: string): boolean {
  return !outside.some((pattern) => pattern.test(file));
}

/** Digests are kept for comparison only: 64 bits tell files of one checkout apart. */
const shortened = 16;

/** A short digest of text or bytes. */
export function shortDigest(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex").slice(0, shortened);
}

/**
 * Digests of all files that a checkout's program may read, sorted by path; and whether what is installed is what package-lock.json
 * says. Reads every file each time: times and sizes can lie, and 500 files cost some 40 ms.
 */
export async function programFiles(root: string): Promise<FileDigests> {
  const [files, installed] = await Promise.all([filesBelow(root, isOfProgram), installedPackages(root)]);
  const digests = await digestsOfFiles(root, files);
  return installed === undefined ? digests : { ...digests, [INSTALLED]: installed };
}

/** Stands in the list of files for packages that are installed otherwise than package-lock.json says. */
export const INSTALLED = "node_modules (not as package-lock.json says)";

/**
 * Short digests of files; `missing` for one that is not there any more.
 *
 * @param files relative to `root`, with `/`
 */
export async function digestsOfFiles(root: string, files: readonly string[]): Promise<FileDigests> {
  const digests = await Promise.all(
    files.map(async (file) => {
      const content = await readFile(path.join(root, file)).catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return undefined;
        throw error;
      });
      return [file, content === undefined ? "missing" : shortDigest(content)] as const;
    }),
  );
  return Object.fromEntries(digests);
}

/** `sha256:…` of a list of files. */
export const programDigest = (files: FileDigests): string => digestOf(Object.entries(files).sort(byName));

const byName = ([a]: [string, string], [b]: [string, string]) => (a < b ? -1 : a > b ? 1 : 0);

/**
 * All files below a folder that `accepts` takes, sorted, with `/`. Links to folders are followed once.
 *
 * @param accepts is asked for folders as well: one that it refuses is not looked into
 */
export async function filesBelow(root: string, accepts: (file: string) => boolean): Promise<string[]> {
  const seen = new Set<string>();
  const found: string[] = [];
  const walk = async (folder: string): Promise<void> => {
    const real = await realpath(path.join(root, folder));
    if (seen.has(real)) return;
    seen.add(real);
    const entries = await readdir(real, { withFileTypes: true });
    await Promise.all(
      entries.map(async (entry) => {
        const file = folder === "" ? entry.name : `${folder}/${entry.name}`;
        if (!accepts(file)) return;
        const kind = entry.isSymbolicLink() ? await linked(path.join(root, file)) : entry;
        if (kind.isDirectory()) return walk(file);
        if (kind.isFile()) found.push(file);
      }),
    );
  };
  await walk("");
  return found.sort();
}

async function linked(file: string): Promise<{ isDirectory(): boolean; isFile(): boolean }> {
  const nothing = { isDirectory: () => false, isFile: () => false };
  return stat(file).catch(async () => (await readlink(file), nothing));
}

interface Lock {
  packages?: Record<string, { version?: string; integrity?: string; resolved?: string; link?: boolean }>;
}

/**
 * A digest of the packages that npm installed otherwise than package-lock.json says; undefined when there is none. Optional
 * packages of other platforms are rightly missing.
 */
async function installedPackages(root: string): Promise<string | undefined> {
  const read = async (file: string) => {
    try {
      return (JSON.parse(await readFile(path.join(root, file), "utf8")) as Lock).packages ?? {};
    } catch {
      return undefined;
    }
  };
  const [locked, installed] = await Promise.all([read("package-lock.json"), read("node_modules/.package-lock.json")]);
  if (locked === undefined || installed === undefined) return undefined;
  const others = Object.entries(installed).filter(([name, { version, integrity }]) => {
    const wanted = locked[name];
    return wanted === undefined || wanted.version !== version || wanted.integrity !== integrity;
  });
  return others.length === 0 ? undefined : shortDigest(JSON.stringify(others.sort()));
}
