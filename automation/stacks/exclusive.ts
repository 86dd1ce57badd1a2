import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import * as path from "node:path";
import { lock } from "proper-lockfile";
import { TributaryError } from "../errors";
import { identify, isAlive, type ProcessIdentity } from "./processes";

/** Who works on an environment. */
interface Owner extends ProcessIdentity {
  /** e.g. `deploy local` */
  command: string;
}

/**
 * Runs work on an environment while no other driver does. An owner that is dead, even by kill -9, is taken over at once:
 * it is recognised by process id and start time, not by age.
 *
 * @param folder of this environment's engine files
 * @param command what is being done, for the other's message
 * @throws TributaryError `EnvironmentBusy` when another command works on it
 */
export async function exclusively<T>(folder: string, command: string, work: () => Promise<T>): Promise<T> {
  await mkdir(folder, { recursive: true });
  const file = path.join(folder, "driver.json");
  await take(folder, file, command);
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

async function take(folder: string, file: string, command: string): Promise<void> {
  // Held for milliseconds, only so that two do not take over the same dead owner.
  const release = await lock(folder, {
    lockfilePath: `${file}.lock`,
    stale: 5000,
    retries: { retries: 60, minTimeout: 100, maxTimeout: 200 },
  });
  try {
    const owner = readOwner(await readFile(file, "utf8").catch(() => undefined));
    if (owner && owner.pid !== process.pid && (await isAlive(owner))) {
      throw new TributaryError(`another command works on this environment: ${owner.command} (process ${owner.pid})`, {
        code: "EnvironmentBusy",
        next: "wait until it has ended, then run this command again",
      });
    }
    const self = await identify(process.pid);
    await writeFile(file, JSON.stringify({ ...self, command }));
  } finally {
    await release();
  }
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
