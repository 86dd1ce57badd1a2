import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { processStart } from "../local/processes";

/** A running daemon: `launcher` holds its namespaces, `daemon` is the first process in them. */
export interface Running {
  launcher: number;
  daemon: number | undefined;
}

/**
 * Finds the daemon that was started with a configuration file. Its processes are the only record, so none is lost when
 * a file is removed or a command is killed at the wrong moment.
 */
export async function findDaemon(configuration: string): Promise<Running | undefined> {
  const names = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name));
  const processes = await Promise.all(names.map((name) => describe(Number(name))));
  const ours = processes
    .filter((entry) => entry !== undefined)
    .filter(({ command }) => command.includes(configuration));
  // Between its start and that of the daemon, the launcher's child looks like the launcher.
  const launcher = ours.find(
    ({ parent, command }) => command[0] === "unshare" && !ours.some(({ pid }) => pid === parent),
  );
  if (!launcher) return undefined;
  return { launcher: launcher.pid, daemon: ours.find(({ parent }) => parent === launcher.pid)?.pid };
}

async function describe(pid: number): Promise<{ pid: number; parent: number; command: string[] } | undefined> {
  try {
    const [command, stat] = await Promise.all([
      readFile(`/proc/${pid}/cmdline`, "utf8"),
      readFile(`/proc/${pid}/stat`, "utf8"),
    ]);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : { pid, parent: Number(fields[1]), command: command.split("\0") };
  } catch {
    return undefined;
  }
}

/**
 * Ends a daemon: SIGTERM, then SIGKILL after `patience` ms. All that runs in its process namespace ends with it: its build
 * steps leave no process behind and no mount.
 *
 * @returns whether it ended by itself
 */
export async function endDaemon({ launcher, daemon }: Running, patience: number): Promise<boolean> {
  const started = await processStart(launcher);
  if (started === undefined) return true;
  if (daemon !== undefined) signal(daemon, "SIGTERM");
  const byItself = daemon !== undefined && (await ends(launcher, started, patience));
  if (!byItself) {
    // The system kills the daemon with its launcher (unshare --kill-child), and the namespace's processes with the daemon.
    signal(launcher, "SIGKILL");
    await ends(launcher, started, 10_000);
  }
  return byItself;
}

async function ends(pid: number, started: string, milliseconds: number): Promise<boolean> {
  const end = Date.now() + milliseconds;
  while ((await processStart(pid)) === started) {
    if (Date.now() > end) return false;
    await sleep(50);
  }
  return true;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/**
 * How many clients are connected to a socket that somebody listens on: one line each of /proc/net/unix, with the socket's
 * path at its end and the state "connected" (03).
 */
export async function connections(socket: string): Promise<number> {
  const lines = (await readFile("/proc/net/unix", "utf8")).split("\n");
  return lines.filter((line) => line.endsWith(` ${socket}`) && line.split(/\s+/)[5] === "03").length;
}
