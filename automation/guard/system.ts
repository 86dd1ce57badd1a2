import { readFile, readlink } from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { isAlive, identify, type ProcessIdentity } from "../stacks/processes";

/** Who this process is to others. */
export interface Self extends ProcessIdentity {
  host: string;
  /** Host, boot and process namespace. */
  machine: string;
  user: string;
}

/** What a guard needs of the machine; tests bring their own. */
export interface GuardSystem {
  self(): Promise<Self>;
  /** Whether a process of this machine still runs. */
  isAlive(identity: ProcessIdentity): Promise<boolean>;
  /** Milliseconds of the calendar: also runs while the machine is suspended, and may be set. */
  wall(): number;
  /** Milliseconds since some moment: is never set, but may stand still while the machine is suspended. */
  monotonic(): number;
  /** @throws when the signal is aborted */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
  /** Calls again and again until the returned function is called; does not keep the process alive. */
  every(milliseconds: number, call: () => void): () => void;
  /** From 0 to below 1. */
  random(): number;
}

let self: Promise<Self> | undefined;

/** The machine that this process runs on. */
export const realSystem: GuardSystem = {
  self: () => (self ??= describeSelf()),
  isAlive,
  wall: Date.now,
  monotonic: () => performance.now(),
  sleep: async (milliseconds, signal) => void (await sleep(milliseconds, undefined, { signal })),
  every: (milliseconds, call) => {
    const timer = setInterval(call, milliseconds).unref();
    return () => clearInterval(timer);
  },
  random: Math.random,
};

async function describeSelf(): Promise<Self> {
  const [identity, machine] = await Promise.all([identify(process.pid), machineOf()]);
  return { pid: process.pid, start: identity?.start ?? "", host: os.hostname(), machine, user: userName() };
}

/** Name of who runs this process. */
export function userName(): string {
  try {
    return os.userInfo().username;
  } catch {
    // Containers run as ids without a name.
    return process.env.USER || String(process.getuid?.() ?? "unknown");
  }
}

/**
 * What has to be equal for a process id to mean the same process: containers of one host share its boot, may share its name, and
 * have process ids of their own.
 */
async function machineOf(): Promise<string> {
  const [boot, processes] =
    process.platform === "linux"
      ? await Promise.all([
          readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => ""),
          readlink("/proc/self/ns/pid").catch(() => ""),
        ])
      : [(await execa("sysctl", ["-n", "kern.boottime"], { reject: false }).catch(() => undefined))?.stdout ?? "", ""];
  return [os.hostname(), boot.trim(), processes].join(" ").slice(0, 400);
}

/** Name of a running process's program; undefined where there is none. */
export async function programOf(pid: number): Promise<string | undefined> {
  if (process.platform === "linux") {
    return (await readFile(`/proc/${pid}/comm`, "utf8").catch(() => undefined))?.trim();
  }
  const { stdout } = await execa("ps", ["-o", "comm=", "-p", String(pid)], { reject: false });
  return path.basename(stdout.trim()) || undefined;
}
