import { cp, mkdir, readdir } from "node:fs/promises";
import * as path from "node:path";
import { Minimatch } from "minimatch";
import { TributaryError } from "../../errors";
import { type ArtifactFiles, isOn } from "./buildspec";

/**
 * Files below a folder that match patterns of a buildspec, relative to it, sorted. Links are not followed out of the folder.
 *
 * @param patterns `a/b.txt`, `a/*`, `**` + `/*`; a `*` also matches names that begin with a dot
 */
export async function matchFiles(folder: string, patterns: readonly string[]): Promise<string[]> {
  const matchers = patterns.map((pattern) => new Minimatch(normal(pattern), { dot: true, nocomment: true }));
  if (matchers.length === 0) return [];
  const found: string[] = [];
  const walk = async (below: string): Promise<void> => {
    const entries = await readdir(path.join(folder, below), { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      const name = below === "" ? entry.name : `${below}/${entry.name}`;
      // `.git` and packages are never part of an artifact that somebody wants, and hold most of all files.
      if (entry.isDirectory()) await (mayMatch(matchers, name) ? walk(name) : undefined);
      else if (matchers.some((matcher) => matcher.match(name))) found.push(name);
    }
  };
  await walk("");
  return found.sort();
}

/** Whether something below a folder can match. */
function mayMatch(matchers: Minimatch[], folder: string): boolean {
  return matchers.some((matcher) => matcher.match(folder, true));
}

const normal = (pattern: string) => pattern.replace(/^\.\//, "");

/**
 * Keeps the files of an artifact, as CodeBuild would pack them.
 *
 * @param source the build's source folder
 * @param to a new folder
 * @returns how many files there are
 * @throws TributaryError `ArtifactMissing` when no file matches
 */
export async function keepArtifact(source: string, spec: ArtifactFiles, to: string, name: string): Promise<number> {
  const base = path.resolve(source, spec["base-directory"]);
  const excluded = new Set(await matchFiles(base, spec["exclude-paths"]));
  const files = (await matchFiles(base, spec.files)).filter((file) => !excluded.has(file));
  if (files.length === 0) {
    const message = `the artifact ${name} has no files: nothing below ${spec["base-directory"]} matches ${spec.files.join(", ")}`;
    throw new TributaryError(message, { code: "ArtifactMissing", next: "see the build's log for what it wrote" });
  }
  await mkdir(to, { recursive: true });
  for (const file of files) {
    const target = path.join(to, isOn(spec["discard-paths"]) ? path.basename(file) : file);
    await mkdir(path.dirname(target), { recursive: true });
    await cp(path.join(base, file), target, { verbatimSymlinks: true });
  }
  return files.length;
}
