import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { Program } from "./recipe";

/** What a finished build says of itself: built.json beside bin/. Written last; without it nothing is believed. */
export interface BuildRecord {
  program: string;
  version: string;
  key: string;
  /** Go's version as `go env GOVERSION` gives it. */
  go: string;
  builtAt: string;
  seconds: number;
  /** Size in bytes of each file of the recipe. */
  files: Record<string, number>;
}

/** A program in the cache. */
export interface Built {
  /** The folder with the executable. */
  bin: string;
  record: BuildRecord;
}

const recordFile = "built.json";

/** Prefix of the folders that builds work in. Only the holder of the program's lock has one. */
export const workPrefix = ".work-";

/** Builds that no run has used for so long are removed when a new one is finished. */
const keepUnusedDays = 30;

/** Where tools are kept: `$TRIBUTARY_CACHE`, else `$XDG_CACHE_HOME/tributary`, else `~/.cache/tributary`. */
export function cacheRoot(env: NodeJS.ProcessEnv = process.env): string {
  if (env.TRIBUTARY_CACHE) return path.resolve(env.TRIBUTARY_CACHE);
  // The specification of XDG_CACHE_HOME says that a relative path is to be ignored.
  const base =
    env.XDG_CACHE_HOME && path.isAbsolute(env.XDG_CACHE_HOME) ? env.XDG_CACHE_HOME : path.join(os.homedir(), ".cache");
  return path.join(base, "tributary");
}

/** The folder of all builds of a program. */
export function programCache(name: string, cache: string): string {
  return path.join(cache, "tools", name);
}

/**
 * Finds a finished build of exactly this content, whichever Go compiled it. Reads a few small files, starts nothing.
 *
 * @returns the newest one, or undefined
 */
export async function findBuilt(program: Program, cache: string): Promise<Built | undefined> {
  const folder = programCache(program.name, cache);
  const names = await readdir(folder).catch(() => []);
  const candidates = await Promise.all(
    names
      .filter((name) => name.startsWith(`${program.key}-`))
      .map((name) => readBuilt(program, path.join(folder, name))),
  );
  const believed = candidates.filter((built) => built !== undefined);
  return believed.sort((a, b) => a.record.builtAt.localeCompare(b.record.builtAt)).at(-1);
}

async function readBuilt(program: Program, folder: string): Promise<Built | undefined> {
  try {
    const file = path.join(folder, recordFile);
    const record = JSON.parse(await readFile(file, "utf8")) as BuildRecord;
    if (record.key !== program.key) return undefined;
    for (const name of program.recipe.files) {
      const { size } = await stat(path.join(folder, name));
      if (size === 0 || size !== record.files[name]) return undefined;
    }
    const now = new Date();
    // The time of the record tells when the build was last used. A read-only cache is no reason to fail.
    await utimes(file, now, now).catch(() => undefined);
    return { bin: path.join(folder, "bin"), record };
  } catch {
    return undefined;
  }
}

/**
 * Makes a finished work folder the cached build: records what it holds, then moves it to its place in one step.
 *
 * @param work a folder on the cache's file system, holding the recipe's files and nothing else of use
 */
export async function publish(
  program: Program,
  work: string,
  go: string,
  seconds: number,
  cache: string,
): Promise<void> {
  const files: Record<string, number> = {};
  for (const name of program.recipe.files) files[name] = (await stat(path.join(work, name))).size;
  const { name, key, recipe } = program;
  const record: BuildRecord = {
    program: name,
    version: recipe.version,
    key,
    go,
    builtAt: new Date().toISOString(),
    seconds: Math.round(seconds),
    files,
  };
  await writeFile(path.join(work, recordFile), JSON.stringify(record, undefined, 2));
  const target = path.join(programCache(name, cache), `${key}-${go}`);
  // What is there was not believed, or it would have been used.
  await rm(target, { recursive: true, force: true });
  await rename(work, target);
}

/** Removes what interrupted builds left and builds that were not used for 30 days. The caller holds the program's lock. */
export async function sweep(program: Program, cache: string, now = Date.now()): Promise<void> {
  const folder = programCache(program.name, cache);
  await mkdir(folder, { recursive: true });
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name.endsWith(".lock")) continue;
    const target = path.join(folder, entry.name);
    const used = await stat(path.join(target, recordFile)).then(
      (record) => record.mtimeMs,
      () => 0,
    );
    const unused = now - used > keepUnusedDays * 24 * 3600 * 1000;
    if (entry.name.startsWith(workPrefix) || (unused && !entry.name.startsWith(program.key))) {
      await rm(target, { recursive: true, force: true });
    }
  }
}
