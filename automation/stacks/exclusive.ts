import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import * as path from "node:path";
import { lock } from "proper-lockfile";
import { TributaryError } from "../errors";
import { identify, isAlive, type ProcessIdentity } from "./processes";

/** Who works on an environment. */
interface Owner extends ProcessIdentity {
  /** e.g. `deploy local` */
  command: string;
}

const ownerFile = "driver.json";

/**
 * Runs work on an environment while no other driver does. An owner that is dead, even by kill -9, is taken over at once:
 * it is recognised by process id and start time, not by age.
 *
 * @param folder of this environment's engine files
 * @param command what is being done, for the other's message
 * @throws TributaryError `EnvironmentBusy` when another command works on it
 */
export async function exclusively<T>(folder: string, command: string, work: () => Promise<T>): Promise<T> {
  const file = path.join(folder, ownerFile);
  await underLock(folder, async () => {
    const owner = readOwner(await readFile(file, "utf8").catch(() => undefined));
    if (owner && owner.pid !== process.pid && (await isAlive(owner))) throw busy("this environment", owner);
    await writeOwner(file, command);
  });
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

/**
 * Runs work that many may do at the same time, as deployments of different environments to the local AWS, but none of it
 * while somebody works {@link alone}.
 *
 * @throws TributaryError `EnvironmentBusy` when somebody does
 */
export async function together<T>(folder: string, command: string, work: () => Promise<T>): Promise<T> {
  const file = path.join(folder, `user-${process.pid}-${++users}.json`);
  await underLock(folder, async () => {
    const owner = await livingOwner(path.join(folder, ownerFile));
    if (owner) throw busy("the local AWS", owner);
    await writeOwner(file, command);
  });
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

let users = 0;

/**
 * Runs work while nobody else works with the folder, neither {@link together} nor alone.
 *
 * @throws TributaryError `EnvironmentBusy` when somebody does
 */
export async function alone<T>(folder: string, command: string, work: () => Promise<T>): Promise<T> {
  const file = path.join(folder, ownerFile);
  await underLock(folder, async () => {
    const owner = (await livingOwner(file)) ?? (await othersIn(folder))[0];
    if (owner) throw busy("the local AWS", owner);
    await writeOwner(file, command);
  });
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

/** Owners of other processes that work {@link together} in a folder now; what dead ones left is removed. */
export async function othersIn(folder: string): Promise<{ pid: number; command: string }[]> {
  const names = (await readdir(folder).catch(() => [] as string[])).filter((name) => /^user-.*\.json$/.test(name));
  const found = await Promise.all(
    names.map(async (name) => {
      const owner = await livingOwner(path.join(folder, name));
      if (!owner) await rm(path.join(folder, name), { force: true });
      return owner;
    }),
  );
  return found.filter((owner) => owner !== undefined && owner.pid !== process.pid) as Owner[];
}

/** Runs something that takes milliseconds while no other process does the same in a folder. */
export async function underLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  await mkdir(folder, { recursive: true });
  const release = await lock(folder, {
    lockfilePath: path.join(folder, `${ownerFile}.lock`),
    stale: 5000,
    retries: { retries: 60, minTimeout: 100, maxTimeout: 200 },
  });
  try {
    return await work();
  } finally {
    await release();
  }
}

async function livingOwner(file: string): Promise<Owner | undefined> {
  const owner = readOwner(await readFile(file, "utf8").catch(() => undefined));
  return owner && (await isAlive(owner)) ? owner : undefined;
}

async function writeOwner(file: string, command: string): Promise<void> {
  await writeFile(file, JSON.stringify({ ...(await identify(process.pid)), command }));
}

function busy(what: string, { command, pid }: { command: string; pid: number }): TributaryError {
  return new TributaryError(`another command works on ${what}: ${command} (process ${pid})`, {
    code: "EnvironmentBusy",
    next: "wait until it has ended, then run this command again",
  });
}

/** Reads an owner file; undefined when it is none. */
export function readOwner(text: string | undefined): Owner | undefined {
  try {
    const value = JSON.parse(text ?? "") as Partial<Owner>;
    if (typeof value.pid !== "number" || typeof value.start !== "string") return undefined;
    return { pid: value.pid, start: value.start, command: value.command ?? "unknown" };
  } catch {
    return undefined;
  }
}
