import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { processStart } from "../local/processes";

/** A process that cannot be mistaken for a later one with the same id. */
export interface ProcessIdentity {
  pid: number;
  /** When it began, as the system tells it. */
  start: string;
}

/** Identity of a running process; undefined where there is none. */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  const start = await processStart(pid);
  return start === undefined ? undefined : { pid, start };
}

/** Whether that very process still runs. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  return (await processStart(identity.pid)) === identity.start;
}

/**
 * Waits for a process to end.
 *
 * @param milliseconds longest wait
 * @returns whether it ended
 */
export async function ends(identity: ProcessIdentity, milliseconds: number, pause = 50): Promise<boolean> {
  const until = Date.now() + milliseconds;
  while (await isAlive(identity)) {
    if (Date.now() >= until) return false;
    await sleep(pause);
  }
  return true;
}

/** Sends a signal; a process that is gone is no error. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Parent of every process that the system shows. */
export async function parents(): Promise<Map<number, number>> {
  const entries = process.platform === "linux" ? await fromProc() : await fromPs();
  return new Map(entries);
}

/** All descendants of a process, deepest last. */
export function descendants(pid: number, parentOf: Map<number, number>): number[] {
  const children = [...parentOf].filter(([, parent]) => parent === pid).map(([child]) => child);
  return children.flatMap((child) => [child, ...descendants(child, parentOf)]);
}

async function fromProc(): Promise<[number, number][]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid): Promise<[number, number] | undefined> => {
      const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
      if (stat === undefined) return undefined;
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      return [Number(pid), parent];
    }),
  );
  return found.filter((entry) => entry !== undefined);
}

async function fromPs(): Promise<[number, number][]> {
  const { stdout } = await execa("ps", ["-A", "-o", "pid=,ppid="]);
  return stdout.split("\n").map((line) => line.trim().split(/\s+/).map(Number) as [number, number]);
}
