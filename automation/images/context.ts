import { type Dirent } from "node:fs";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import path from "node:path";
import ignoreRules, { type Ignore } from "@balena/dockerignore";
import { Minimatch } from "minimatch";
import type { CopySource } from "./dockerfile";
import type { Problem } from "./references";

/** A file or link of a build context. */
export interface Entry {
  /** Relative to the context, with forward slashes. */
  path: string;
  type: "file" | "link";
  /** 0o755 when its owner may execute it, else 0o644; of links 0o777. */
  mode: number;
  /** Bytes; of links the length of their target. */
  size: number;
  /** Target of a link. */
  target?: string;
  /** What tells that the file was changed: inode, size, times. */
  stamp: string;
  /** Last change of content or of what is known about it, milliseconds. */
  changed: number;
}

/** What a Dockerfile copies, and what is wrong about it. */
export interface Selection {
  /** Sorted by path. */
  entries: Entry[];
  problems: (Problem & { line?: number })[];
}

/**
 * Finds the files that a Dockerfile copies of its build context: `.dockerignore` applied, patterns expanded. Empty folders
 * are left out, because git knows none, so that every clone gives the same image. A link brings along what it leads to.
 *
 * @param context absolute path of the build context
 * @param copies what the Dockerfile reads
 * @param ignoreFiles absolute paths; the first that exists counts
 * @throws NodeJS.ErrnoException when something cannot be read
 */
export async function selectFiles(
  context: string,
  copies: readonly CopySource[],
  ignoreFiles: readonly string[],
): Promise<Selection> {
  if (copies.length === 0) return { entries: [], problems: [] };
  const ignored = await readIgnore(ignoreFiles);
  const all = new Map<string, Entry>();
  const refused: Selection["problems"] = [];
  await walk(context, "", ignored, all, refused);
  const chosen = new Map<string, Entry>();
  const problems: Selection["problems"] = [];
  for (const copy of copies) {
    const found = matching(copy.pattern, all);
    for (const entry of found) chosen.set(entry.path, entry);
    if (found.length === 0) problems.push({ line: copy.line, ...nothingFound(copy.pattern) });
  }
  problems.push(...followLinks(chosen, all));
  problems.push(...refused);
  return { entries: [...chosen.values()].sort((a, b) => (a.path < b.path ? -1 : 1)), problems };
}

interface IgnoreRules {
  ignores: (file: string) => boolean;
  /** Whether what is in an ignored folder may be taken back by a later rule. */
  negates: boolean;
}

async function readIgnore(files: readonly string[]): Promise<IgnoreRules> {
  for (const file of files) {
    const text = await readFile(file, "utf8").catch(undefinedWhenMissing);
    if (text === undefined) continue;
    const rules: Ignore = ignoreRules().add(text);
    return { ignores: (name) => rules.ignores(name), negates: /^\s*!/m.test(text) };
  }
  return { ignores: () => false, negates: false };
}

function undefinedWhenMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}

async function walk(
  context: string,
  folder: string,
  rules: IgnoreRules,
  all: Map<string, Entry>,
  refused: Selection["problems"],
): Promise<void> {
  const children = await readdir(path.join(context, folder), { withFileTypes: true });
  await Promise.all(
    children.map(async (child) => {
      const file = folder === "" ? child.name : `${folder}/${child.name}`;
      const skipped = rules.ignores(file);
      if (child.isDirectory()) {
        if (!skipped || rules.negates) await walk(context, file, rules, all, refused);
      } else if (!skipped) {
        const entry = await entryOf(context, file, child);
        if (entry === undefined) refused.push(special(file));
        else all.set(file, entry);
      }
    }),
  );
}

async function entryOf(context: string, file: string, child: Dirent): Promise<Entry | undefined> {
  const absolute = path.join(context, file);
  if (!child.isFile() && !child.isSymbolicLink()) return undefined;
  const { ino, size, mtimeMs, ctimeMs, mode } = await lstat(absolute);
  const stamp = [ino, size, mtimeMs, ctimeMs, mode].join(" ");
  const changed = Math.max(mtimeMs, ctimeMs);
  if (child.isFile()) return { path: file, type: "file", mode: mode & 0o100 ? 0o755 : 0o644, size, stamp, changed };
  const target = await readlink(absolute);
  return { path: file, type: "link", mode: 0o777, size: target.length, target, stamp, changed };
}

function special(file: string): Problem {
  return {
    text: `${file} is neither a file nor a folder nor a link; an image cannot hold it`,
    next: `remove it, or name it in .dockerignore`,
  };
}

function nothingFound(pattern: string): Problem {
  return {
    text: `the source ${pattern} is not there, or .dockerignore leaves it out`,
    next: "correct the name, add the file, or take it back in .dockerignore with a rule that begins with !",
  };
}

/** A folder stands for everything below it, in patterns as well. */
function matching(pattern: string, all: ReadonlyMap<string, Entry>): Entry[] {
  if (pattern === ".") return [...all.values()];
  if (!/[*?[\\]/.test(pattern)) return below(pattern, all, 0);
  const glob = new Minimatch(pattern, { dot: true, nobrace: true, noext: true, nonegate: true, nocomment: true });
  const depth = pattern.split("/").length;
  const matches = (file: string) =>
    pattern.includes("**")
      ? prefixes(file).some((prefix) => glob.match(prefix))
      : glob.match(file.split("/").slice(0, depth).join("/"));
  return [...all.values()].filter((entry) => matches(entry.path));
}

function prefixes(file: string): string[] {
  const parts = file.split("/");
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}

/** Links on the way are followed as deep as Linux does. */
const LINKS_ON_THE_WAY = 40;

function below(file: string, all: ReadonlyMap<string, Entry>, depth: number): Entry[] {
  const found = [...all.values()].filter((entry) => entry.path === file || entry.path.startsWith(`${file}/`));
  if (found.length > 0 || depth > LINKS_ON_THE_WAY) return found;
  for (const prefix of prefixes(file)) {
    const link = all.get(prefix);
    const target = link && insideTarget(link);
    if (target !== undefined) return [link!, ...below(target + file.slice(prefix.length), all, depth + 1)];
  }
  return [];
}

function insideTarget({ path: file, target }: Entry): string | undefined {
  if (target === undefined || target.startsWith("/")) return undefined;
  const resolved = path.posix.join(path.posix.dirname(file), target).replace(/\/$/, "");
  return resolved === ".." || resolved.startsWith("../") ? undefined : resolved;
}

/** The provider's own hash follows links and fails on one that leads nowhere: what they lead to comes along. */
function followLinks(chosen: Map<string, Entry>, all: ReadonlyMap<string, Entry>): Selection["problems"] {
  const problems: Selection["problems"] = [];
  // A map's iteration also visits what is added on the way.
  for (const entry of chosen.values()) {
    if (entry.type !== "link") continue;
    const target = insideTarget(entry);
    const found = target === undefined ? [] : target === "." ? [...all.values()] : below(target, all, 0);
    for (const one of found) chosen.set(one.path, one);
    if (found.length === 0) {
      problems.push({
        text: `${entry.path} is a link to ${entry.target}, which is not in the build context`,
        next: "make the link in the Dockerfile (RUN ln -s …), or copy what it leads to",
      });
    }
  }
  return problems;
}
