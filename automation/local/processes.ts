import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { readIfThere } from "./files";

/** The running local AWS as it described itself (serve.py). */
export interface Instance {
  pid: number;
  /** See `processStart`. */
  processStart: string;
  port: number;
  /** Hash of everything that it was started with. */
  fingerprint: string;
}

/**
 * When a process was started, as the system tells it; two processes that had the same id one after the other differ in
 * it. Undefined where there is no such process.
 */
export async function processStart(pid: number): Promise<string | undefined> {
  if (process.platform !== "linux") {
    const { stdout } = await execa("ps", ["-o", "lstart=", "-p", String(pid)], { reject: false });
    return stdout.trim() || undefined;
  }
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // A process that ended but that nobody waited for is no process to us.
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** Reads an instance file; undefined where there is none or where it is no such file. */
export function parseInstance(text: string | undefined): Instance | undefined {
  try {
    const value = JSON.parse(text ?? "") as Partial<Instance>;
    const isOne = Number.isSafeInteger(value.pid) && Number(value.pid) > 1 && Number.isSafeInteger(value.port);
    return isOne && typeof value.processStart === "string" ? (value as Instance) : undefined;
  } catch {
    return undefined;
  }
}

/** The instance that a file tells of, if that very process still runs. */
export async function runningInstance(path: string): Promise<Instance | undefined> {
  const instance = parseInstance(await readIfThere(path));
  if (!instance) {
    return undefined;
  }
  return (await processStart(instance.pid)) === instance.processStart ? instance : undefined;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") {
      throw error;
    }
  }
}

async function ends(instance: Instance, milliseconds: number): Promise<boolean> {
  const end = Date.now() + milliseconds;
  while ((await processStart(instance.pid)) === instance.processStart) {
    if (Date.now() > end) {
      return false;
    }
    await sleep(50);
  }
  return true;
}

/**
 * Ends a running instance and the function workers it started: SIGTERM, then SIGKILL after `patience` ms.
 *
 * @returns whether it ended by itself, and so had the time to write its state
 */
export async function endInstance(instance: Instance, patience: number): Promise<boolean> {
  signal(instance.pid, "SIGTERM");
  const byItself = await ends(instance, patience);
  // It leads a process group of its own, in which its workers are; those that still run are of no use to anybody.
  signal(-instance.pid, "SIGKILL");
  await ends(instance, 5000);
  return byItself;
}

/** Ids and command lines of all processes of a process group. */
async function membersOf(group: number): Promise<{ pid: number; command: string }[]> {
  if (process.platform !== "linux") {
    const { stdout } = await execa("ps", ["-A", "-o", "pid=,pgid=,command="], { reject: false });
    const rows = stdout.split("\n").map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line));
    return rows.flatMap((row) => (row && Number(row[2]) === group ? [{ pid: Number(row[1]), command: row[3]! }] : []));
  }
  const members: { pid: number; command: string }[] = [];
  for (const name of (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry))) {
    const stat = await readFile(`/proc/${name}/stat`, "utf8").catch(() => "");
    if (Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2]) === group) {
      members.push({ pid: Number(name), command: await readFile(`/proc/${name}/cmdline`, "utf8").catch(() => "") });
    }
  }
  return members;
}

/**
 * Ends the functions that outlived their server because it was killed while they ran; they would go on until they are
 * done. Only processes of that server's group are ended, and only those whose command names a file below `tmp`: the
 * group's number may belong to somebody else by now.
 */
export async function endOrphans(instancePath: string, tmp: string): Promise<void> {
  const instance = parseInstance(await readIfThere(instancePath));
  if (!instance || (await runningInstance(instancePath))) {
    return;
  }
  for (const { pid, command } of await membersOf(instance.pid)) {
    if (command.includes(`${tmp}/`)) {
      signal(pid, "SIGKILL");
    }
  }
}
