import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import {
  chmod,
  copyFile,
  lstat,
  lutimes,
  mkdir,
  mkdtemp,
  readFile,
  rename,
  rm,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import path from "node:path";
import type { Entry } from "./context";

/** A build context as it was staged. */
export interface Staged {
  /** `sha256:…` over path, type, mode and content of everything in it. */
  filesDigest: string;
  files: number;
  bytes: number;
}

/** What is remembered about a staged context. */
interface Stamp extends Staged {
  /** Digest of the sources' paths, inodes, sizes and times. */
  sources: string;
  /** The same of the staged files. */
  staged: string;
  /** When it was written, milliseconds. */
  at: number;
}

/** Raise when staging does something else with the same files. */
const FORMAT = 3;

/** A file that changed this shortly before it was looked at may change again without its times telling (ms). */
const CLOCK_GRAIN = 50;

/** Time of folders and links. 1980-01-01: the earliest that a ZIP archive can hold, too. */
export const SOURCE_DATE_EPOCH = 315_532_800;

/** Modification times of files are spread over this many seconds. */
const SPREAD = 1_000_000_000;

/** What is staged. */
export interface StageRequest {
  /** Absolute path of the folder that the entries are in. */
  context: string;
  /** Exactly these are copied. */
  entries: readonly Entry[];
  dockerfile: string;
  /** Absolute path of the folder that gets `context` and, beside it, the Dockerfile. */
  target: string;
  /** Folder of the staged context that the entries are put below. @default the context itself */
  below?: string;
}

/**
 * Stages a build context. A folder that is as it should be is left alone; what is there is replaced as a whole.
 */
export async function stage(request: StageRequest): Promise<Staged> {
  const { dockerfile, target, below } = request;
  const entries = below === undefined ? request.entries : request.entries.map((entry) => moved(entry, below));
  const sources = digestOf([FORMAT, dockerfile, entries.map((entry) => [entry.path, entry.mode, entry.stamp])]);
  const former = await readStamp(target);
  if (former !== undefined && former.sources === sources && isSettled(entries, former.at)) {
    if (former.staged === (await stagedStamp(target, entries))) return pick(former);
  }
  await mkdir(path.dirname(target), { recursive: true });
  const fresh = await mkdtemp(`${target}.new-`);
  try {
    const at = Date.now();
    const staged = await write(request, entries, fresh);
    const stamp: Stamp = { ...staged, sources, staged: await stagedStamp(fresh, entries), at };
    await writeFile(path.join(fresh, "stamp.json"), JSON.stringify(stamp));
    await replace(fresh, target);
    return staged;
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/** An entry at its place in the staged context. */
interface Placed extends Entry {
  /** Where it is copied from, relative to the original context. */
  from?: string;
}

const moved = (entry: Entry, below: string): Placed => ({ ...entry, from: entry.path, path: `${below}/${entry.path}` });

const pick = ({ filesDigest, files, bytes }: Staged): Staged => ({ filesDigest, files, bytes });

function isSettled(entries: readonly Entry[], at: number): boolean {
  return entries.every((entry) => entry.changed < at - CLOCK_GRAIN);
}

async function readStamp(target: string): Promise<Stamp | undefined> {
  try {
    return JSON.parse(await readFile(path.join(target, "stamp.json"), "utf8")) as Stamp;
  } catch {
    return undefined;
  }
}

async function write(
  { context, dockerfile }: StageRequest,
  entries: readonly Placed[],
  fresh: string,
): Promise<Staged> {
  const staged = path.join(fresh, "context");
  await mkdir(staged);
  await writeFile(path.join(fresh, "Dockerfile"), dockerfile);
  // Its own .dockerignore, when it is among the files, must not be applied a second time.
  await writeFile(path.join(fresh, "Dockerfile.dockerignore"), "# The context holds exactly what is copied.\n");
  const folders = foldersOf(entries);
  for (const folder of folders) {
    await mkdir(path.join(staged, folder), { recursive: true });
    // Whatever the umask of this machine says.
    await chmod(path.join(staged, folder), 0o755);
  }
  const contents = await Promise.all(entries.map((entry) => place(context, entry, staged)));
  const times = folders.map((folder) => utimes(path.join(staged, folder), SOURCE_DATE_EPOCH, SOURCE_DATE_EPOCH));
  await Promise.all(times);
  const filesDigest = digestOf(entries.map((entry, index) => [entry.path, entry.type, entry.mode, contents[index]]));
  const bytes = entries.reduce((sum, entry) => sum + entry.size, 0);
  return { filesDigest, files: entries.length, bytes };
}

/** All folders, each after those that it lies in; the context itself is `.`. */
function foldersOf(entries: readonly Entry[]): string[] {
  const folders = new Set(["."]);
  for (const entry of entries) {
    const parts = entry.path.split("/").slice(0, -1);
    parts.forEach((_, index) => folders.add(parts.slice(0, index + 1).join("/")));
  }
  return [...folders].sort();
}

/** @returns what identifies the content: a file's digest, a link's target */
async function place(context: string, entry: Placed, staged: string): Promise<string> {
  const to = path.join(staged, entry.path);
  if (entry.target !== undefined) {
    await symlink(entry.target, to);
    await lutimes(to, SOURCE_DATE_EPOCH, SOURCE_DATE_EPOCH);
    return entry.target;
  }
  await copyFile(path.join(context, entry.from ?? entry.path), to);
  await chmod(to, entry.mode);
  // Of the copy, which is what is built: the original may change meanwhile.
  const digest = await fileDigest(to);
  // BuildKit sends only files whose size or time changed since the last build: a time that comes from the content never
  // lets a change be missed, and is the same everywhere.
  const time = SOURCE_DATE_EPOCH + 1 + (parseInt(digest.slice(0, 12), 16) % SPREAD);
  await utimes(to, time, time);
  return digest;
}

async function fileDigest(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

async function stagedStamp(target: string, entries: readonly Entry[]): Promise<string> {
  const names = [...entries.map((entry) => `context/${entry.path}`), "Dockerfile", "Dockerfile.dockerignore"];
  const stats = await Promise.all(names.map((name) => lstat(path.join(target, name)).catch(() => undefined)));
  return digestOf(stats.map((stat) => stat && [stat.ino, stat.size, stat.mtimeMs, stat.ctimeMs, stat.mode]));
}

async function replace(fresh: string, target: string): Promise<void> {
  const old = `${fresh}-old`;
  await rename(target, old).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
  await rename(fresh, target);
  await rm(old, { recursive: true, force: true });
}

/** `sha256:…` of a value's JSON text. */
export function digestOf(value: unknown): string {
  return `sha256:${createHash("sha256").update(JSON.stringify(value)).digest("hex")}`;
}
