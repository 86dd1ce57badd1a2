import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { linkedFolder } from "./linked";

/** Where the local AWS of one checkout keeps its files. All of them are below `home`. */
export interface LocalFiles {
  /** `<root>/.tributary/local` */
  home: string;
  /** What the emulator keeps between runs, and the objects of its buckets. */
  state: string;
  /** Identity of the state: a new one whenever the state starts from nothing. */
  stateId: string;
  /** Exists while `state` on disk is whole (see serve.py). */
  clean: string;
  /** Exists from the moment a loss was found until somebody acknowledged it. */
  lost: string;
  /** The running process (see serve.py). */
  instance: string;
  /** The port of this checkout, chosen once. */
  settings: string;
  /** Certificates and keys. */
  tls: string;
  /** The emulator's and the functions' TMPDIR; emptied at each start and stop. */
  tmp: string;
  /** The only directory of ours on the functions' PATH: holds `node`. */
  bin: string;
  log: string;
  previousLog: string;
  lock: string;
  serverLock: string;
}

/** The files of the local AWS that belongs to the checkout `root`. */
export function localFiles(root: string): LocalFiles {
  const home = linkedFolder(join(root, ".tributary", "local"));
  return {
    home,
    state: join(home, "state"),
    stateId: join(home, "state", "id"),
    clean: join(home, "clean"),
    lost: join(home, "state-lost"),
    instance: join(home, "instance.json"),
    settings: join(home, "settings.json"),
    tls: join(home, "tls"),
    tmp: join(home, "tmp"),
    bin: join(home, "bin"),
    log: join(home, "ministack.log"),
    previousLog: join(home, "ministack.previous.log"),
    lock: join(home, "lock"),
    serverLock: join(home, "server.lock"),
  };
}

/** The text of a file, or undefined where there is none. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      return undefined;
    }
    throw error;
  }
}

/** Writes a file so that a reader, or a reader after a crash, sees the old text or the new one. */
export async function writeWhole(path: string, text: string, mode = 0o644): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  await rm(temporary, { force: true });
  await writeFile(temporary, text, { mode });
  await rename(temporary, path);
}

/** The last `count` lines of a file, without blank ones; empty where there is no file. */
export async function lastLines(path: string, count: number): Promise<string[]> {
  const text = (await readIfThere(path)) ?? "";
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .slice(-count);
}
