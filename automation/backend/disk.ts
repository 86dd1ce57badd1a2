import { createHash, randomBytes } from "node:crypto";
import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import * as path from "node:path";
import { messageOf, TributaryError } from "../errors";
import { readIfThere } from "../local/files";
import { checkKey, checkPrefix } from "./keys";
import type { ObjectStore, Stored } from "./types";

/** A temporary file that a killed process left is removed after this time (ms). */
const left = 24 * 3_600_000;

/**
 * Texts in a folder. A key's first text is the file of its name. Each conditional replacement is a further file, in the folder
 * `<key>~`, with the next number for its name: a file is created exclusively by `link`, so that of any number of processes
 * exactly one makes it, without a lock that could be left behind. The highest number counts.
 */
export class DiskStore implements ObjectStore {
  readonly place: string;

  constructor(private readonly folder: string) {
    this.place = `${folder}${path.sep}`;
  }

  async createOnly(key: string, text: string): Promise<boolean> {
    return (await this.swap(key, text, undefined)) !== undefined;
  }

  async replaceIf(key: string, text: string, version: string): Promise<boolean> {
    return (await this.swap(key, text, version)) !== undefined;
  }

  swap(key: string, text: string, version: string | undefined): Promise<string | undefined> {
    const file = this.file(key);
    return this.explained(key, async () => {
      if (version === undefined) return this.first(file, text);
      const number = version.startsWith("1-") ? plainNumber(file, version) : Number(version);
      return number === undefined ? undefined : this.append(file, text, number + 1);
    });
  }

  put(key: string, text: string): Promise<void> {
    const file = this.file(key);
    return this.explained(key, async () => {
      await mkdir(path.dirname(file), { recursive: true });
      await this.withTemporary(text, (temporary) => rename(temporary, file));
    });
  }

  get(key: string): Promise<Stored | undefined> {
    const file = this.file(key);
    return this.explained(key, async () => {
      for (;;) {
        const number = highest(numbers(file));
        const current = number === undefined ? file : path.join(chain(file), String(number));
        const text = await readIfThere(current);
        if (text === undefined && number !== undefined) continue; // Replaced and cleared away meanwhile.
        if (text === undefined) return undefined;
        const version = number === undefined ? first(text) : String(number);
        return { text, version, age: () => this.explained(key, () => this.age(current)) };
      }
    });
  }

  list(prefix: string): Promise<string[]> {
    const start = path.posix.dirname(`${checkPrefix(prefix)}x`);
    return this.explained(prefix, async () => {
      const entries = await readdir(path.join(this.folder, start), { recursive: true, withFileTypes: true }).catch(
        none<never>,
      );
      const keys = entries
        .filter((entry) => entry.isFile())
        .map((entry) => path.relative(this.folder, path.join(entry.parentPath, entry.name)).split(path.sep).join("/"));
      return keys.filter((key) => key.startsWith(prefix) && !/(^|\/)\.|~\//.test(key)).sort();
    });
  }

  delete(key: string): Promise<void> {
    const file = this.file(key);
    return this.explained(key, async () => {
      await rm(file, { force: true });
      await rm(chain(file), { recursive: true, force: true });
    });
  }

  private file(key: string): string {
    return path.join(this.folder, ...checkKey(key).split("/"));
  }

  private async first(file: string, text: string): Promise<string | undefined> {
    await mkdir(path.dirname(file), { recursive: true });
    if (!(await this.withTemporary(text, async (temporary) => linkOnly(temporary, file, text)))) return undefined;
    await syncFolder(path.dirname(file));
    return first(text);
  }

  /**
   * Replaces without going through the pool of threads, which a driver that packs and hashes keeps busy for long: a guard has to
   * be renewed in time. A power failure may take the last seconds of it; whoever reads what is left of it waits a little longer.
   */
  private append(file: string, text: string, number: number): string | undefined {
    const [folder, temporary] = [chain(file), this.temporary()];
    const own = path.join(folder, String(number));
    mkdirSync(folder, { recursive: true });
    mkdirSync(path.dirname(temporary), { recursive: true });
    try {
      writeFileSync(temporary, text, { flag: "wx" });
      if (!linkOnly(temporary, own, text)) return undefined;
    } finally {
      rmSync(temporary, { force: true });
    }
    const all = numbers(file);
    // A number that was cleared away long ago could be made once more by a process that was paused: it is not the highest.
    const overtaken = (highest(all) ?? 0) > number;
    const old = overtaken ? [number] : all.filter((each) => each < number - 1);
    for (const each of old) rmSync(path.join(folder, String(each)), { force: true });
    return overtaken ? undefined : String(number);
  }

  private async age(file: string): Promise<number> {
    const written = (await stat(file).catch(() => undefined))?.mtimeMs;
    if (written === undefined) return 0;
    // What the file system writes on a new file is its clock, which on a network disk is the server's.
    return this.withTemporary("", async (temporary) => Math.max(0, (await stat(temporary)).mtimeMs - written));
  }

  private temporary(): string {
    return path.join(this.folder, ".tmp", `${process.pid}-${randomBytes(6).toString("hex")}`);
  }

  private async withTemporary<T>(text: string, use: (temporary: string) => Promise<T>): Promise<T> {
    const temporary = this.temporary();
    await mkdir(path.dirname(temporary), { recursive: true });
    try {
      await writeDurably(temporary, text);
      return await use(temporary);
    } finally {
      await rm(temporary, { force: true });
      await clearOld(path.dirname(temporary));
    }
  }

  private async explained<T>(key: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      if (cause instanceof TributaryError) throw cause;
      const reason = messageOf(cause);
      throw new TributaryError(`${this.place}${key} cannot be read or written: ${reason}`, {
        code: "BackendUnreachable",
        next: "mend the folder's permissions or its disk, then run the command again",
        cause,
      });
    }
  }
}

const chain = (file: string) => `${file}~`;
const highest = (all: number[]) => (all.length === 0 ? undefined : Math.max(...all));
const first = (text: string) => `1-${createHash("sha256").update(text).digest("hex").slice(0, 24)}`;

function numbers(file: string): number[] {
  try {
    return readdirSync(chain(file))
      .filter((name) => /^\d{1,15}$/.test(name))
      .map(Number);
  } catch (error) {
    return none(error as NodeJS.ErrnoException);
  }
}

/** Number of a text that was never replaced with a condition; undefined when it is not that text any more. */
function plainNumber(file: string, version: string): number | undefined {
  try {
    return first(readFileSync(file, "utf8")) === version && numbers(file).length === 0 ? 1 : undefined;
  } catch (error) {
    return none<undefined>(error as NodeJS.ErrnoException)[0];
  }
}

function none<T>(error: NodeJS.ErrnoException): T[] {
  if (error.code === "ENOENT") return [];
  throw error;
}

async function writeDurably(file: string, text: string): Promise<void> {
  const handle = await open(file, "wx");
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** File systems without hard links say one of these. */
const noLinks = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EXDEV"];

function linkOnly(temporary: string, file: string, text: string): boolean {
  try {
    linkSync(temporary, file);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (noLinks.includes(code)) return createInPlace(file, text);
    if (code !== "EEXIST") throw error;
    // A network disk may answer so after it has made the link, when the first answer got lost.
    const [own, found] = [statSync(temporary), statSync(file, { throwIfNoEntry: false })];
    return found !== undefined && own.ino === found.ino && own.dev === found.dev;
  }
}

/** Exclusive, too, but a reader may see a part of the text. */
function createInPlace(file: string, text: string): boolean {
  try {
    const made = openSync(file, "wx");
    try {
      writeFileSync(made, text, { flush: true });
    } finally {
      closeSync(made);
    }
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Systems that cannot do that do it by themselves. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r").catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

async function clearOld(folder: string): Promise<void> {
  const files = (await readdir(folder).catch(() => [] as string[])).map((name) => path.join(folder, name));
  for (const file of files) {
    const age = Date.now() - ((await stat(file).catch(() => undefined))?.mtimeMs ?? Date.now());
    if (age > left) await rm(file, { force: true });
  }
}
