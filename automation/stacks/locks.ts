import { readdir, readFile, rm } from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";
import { TributaryError } from "../errors";
import type { EventSink } from "../events";
import { killLeft, killTree, leftProcesses } from "./engine";
import { stateFolder, type Environment } from "./environments";
import { ends, identify, signalProcess, type ProcessIdentity } from "./processes";

/** What the engine's folder backend writes into a lock file. */
export interface StackLock {
  pid: number;
  hostname: string;
  /** RFC 3339 */
  timestamp: string;
}

/** How long a left engine may take to end by itself, and then after a SIGINT, in milliseconds. */
const patience = { byItself: 90_000, asked: 60_000 };

/**
 * Whether a lock may be removed: only when its process cannot exist any more. A lock of another host is never judged.
 *
 * @param alive whether a process with the lock's id runs on this host
 */
export function isStale(lock: StackLock, hostname: string, alive: boolean): boolean {
  return lock.hostname === hostname && !alive;
}

/**
 * Makes a stack of the folder backend free after its driver or engine was killed: an engine that still runs is waited for
 * (it ends the step in flight, saves and unlocks), one that does not end is ended; locks of dead processes are removed.
 *
 * @throws TributaryError `StackLocked` when a living process or another host holds it
 */
export async function freeStack(
  root: string,
  environment: Environment,
  engineFolder: string,
  sink: EventSink,
): Promise<void> {
  const { engine } = await leftProcesses(engineFolder);
  if (engine) await waitForEngine(engine, sink);
  await killLeft(engineFolder);
  const folder = path.join(
    stateFolder(root),
    ".pulumi",
    "locks",
    "organization",
    environment.project,
    environment.name,
  );
  const names = await readdir(folder).catch(() => [] as string[]);
  for (const name of names.filter((each) => each.endsWith(".json"))) {
    const file = path.join(folder, name);
    const lock = parseLock(await readFile(file, "utf8").catch(() => ""));
    const alive = lock !== undefined && (await identify(lock.pid)) !== undefined;
    if (lock !== undefined && !isStale(lock, os.hostname(), alive)) throw locked(lock, file);
    await Promise.all([rm(file, { force: true }), rm(`${file}.attrs`, { force: true })]);
    sink({
      type: "message",
      level: "info",
      text: `took over the lock of a deployment that was killed (process ${lock?.pid ?? "unknown"})`,
    });
  }
}

/** Reads a lock file; undefined when it was cut off while it was written, which only a dead process leaves. */
export function parseLock(text: string): StackLock | undefined {
  try {
    const { pid, hostname, timestamp } = JSON.parse(text) as Partial<StackLock>;
    return typeof pid === "number" && typeof hostname === "string"
      ? { pid, hostname, timestamp: timestamp ?? "" }
      : undefined;
  } catch {
    return undefined;
  }
}

async function waitForEngine(engine: ProcessIdentity, sink: EventSink): Promise<void> {
  sink({
    type: "message",
    level: "info",
    text: `waiting for the engine of an interrupted run to finish its step (process ${engine.pid})`,
  });
  if (await ends(engine, patience.byItself)) return;
  signalProcess(engine.pid, "SIGINT");
  if (await ends(engine, patience.asked)) return;
  sink({ type: "message", level: "warning", text: `ending the engine of an interrupted run (process ${engine.pid})` });
  await killTree(engine.pid);
  await ends(engine, 5_000);
}

function locked(lock: StackLock, file: string): TributaryError {
  return new TributaryError(
    `the stack is locked by process ${lock.pid} on ${lock.hostname} since ${lock.timestamp} (${file})`,
    {
      code: "StackLocked",
      next: `wait until it has ended; if you know that it is dead, remove that file and run the command again`,
    },
  );
}
