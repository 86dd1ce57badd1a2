import { spawn } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import * as path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { groupMembers } from "./processGroup";

/** What a command leaves to the next one: as in CodeBuild each runs in a shell of its own, in the same environment and folder. */
export interface ShellState {
  env: Record<string, string>;
  folder: string;
}

/** How commands are run. */
export interface ShellOptions {
  /** `bash` or `sh`. */
  shell: string;
  /** Folder for what is handed from one command to the next. */
  scratch: string;
  /** Each line that a command prints. */
  onLine(line: string): void;
  /** Ends the command: SIGINT to its process group, SIGKILL when it does not end. */
  signal: AbortSignal;
  /** How long a command may take to end by itself after that (ms). */
  patience: number;
  /** A process group was begun, or is over. */
  onGroup?(group: number, runs: boolean): void;
}

/** How a command ended. */
export interface CommandEnd extends ShellState {
  /** Undefined when a signal ended it. */
  exitCode: number | undefined;
  /** Its process group, when something in it runs on in the background: to be ended with the build. */
  background: number | undefined;
}

const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/**
 * Runs one command of a buildspec, which may be many lines. Variables that it sets and the folder that it goes to are there
 * for the next one; functions and shell options are not.
 */
export async function runCommand(command: string, state: ShellState, options: ShellOptions): Promise<CommandEnd> {
  const { scratch, shell } = options;
  await mkdir(scratch, { recursive: true, mode: 0o700 });
  const [script, env, folder] = ["command.sh", "env", "folder"].map((name) => path.join(scratch, name)) as [
    string,
    string,
    string,
  ];
  await Promise.all([rm(env, { force: true }), rm(folder, { force: true })]);
  await writeFile(script, `${command}\n`, { mode: 0o600 });
  // The trap also sees a command that calls `exit`.
  const keep = `code=$?; trap - EXIT; env -0 > ${quote(env)}; pwd > ${quote(folder)}; exit $code`;
  const wrapper = `trap ${quote(keep)} EXIT; set -a; . ${quote(script)}`;
  const ended = await runShell(shell, wrapper, state, options);
  return { ...(await leftBehind(env, folder, state)), ...ended };
}

async function leftBehind(env: string, folder: string, before: ShellState): Promise<ShellState> {
  const [variables, place] = await Promise.all([env, folder].map((file) => readFile(file, "utf8").catch(() => "")));
  const entries = variables!.split("\0").flatMap((entry) => {
    const at = entry.indexOf("=");
    return at <= 0 ? [] : [[entry.slice(0, at), entry.slice(at + 1)] as const];
  });
  const own = entries.filter(([name]) => !["_", "SHLVL", "code", "PWD", "OLDPWD"].includes(name));
  return {
    env: own.length === 0 ? before.env : Object.fromEntries(own),
    folder: place!.replace(/\n$/, "") || before.folder,
  };
}

interface ShellEnd {
  exitCode: number | undefined;
  background: number | undefined;
}

async function runShell(
  shell: string,
  wrapper: string,
  { env, folder }: ShellState,
  { onLine, onGroup, signal, patience }: ShellOptions,
): Promise<ShellEnd> {
  const child = spawn(shell, ["-c", wrapper], { cwd: folder, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const group = child.pid;
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const exited = new Promise<number | undefined>((resolve) => {
    child.once("error", (error) => (onLine(`${shell} cannot be started: ${error.message}`), resolve(127)));
    child.once("exit", (code) => resolve(code ?? undefined));
  });
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on("line", onLine);
  if (group !== undefined) onGroup?.(group, true);
  let ended: Promise<void> | undefined;
  const stop = () => void (ended = endGroup(group, patience));
  if (signal.aborted) stop();
  else signal.addEventListener("abort", stop, { once: true });
  const exitCode = await exited;
  signal.removeEventListener("abort", stop);
  await ended;
  // What runs on in the background keeps the pipes open.
  await Promise.race([closed, sleep(drain, undefined, { ref: false })]);
  const left = group !== undefined && (await groupMembers(group)).length > 0;
  if (group !== undefined && !left) onGroup?.(group, false);
  return { exitCode, background: left ? group : undefined };
}

/** Longest wait for the last lines of a command that left something running (ms). */
const drain = 300;

/** How often an ending group is looked at (ms). */
const pause = 50;

/**
 * Ends a process group: SIGINT first, so that a driver in it lets its engine finish the step in flight, then SIGKILL.
 *
 * @param patience time for the first (ms); 0: SIGKILL at once
 */
export async function endGroup(group: number | undefined, patience: number): Promise<void> {
  if (group === undefined || group <= 1) return;
  if (patience > 0 && send(group, "SIGINT") && (await isGone(group, patience))) return;
  if (send(group, "SIGKILL")) await isGone(group, killed);
}

/** Longest wait for the end of what was killed (ms): the system may be busy. */
const killed = 2_000;

async function isGone(group: number, milliseconds: number): Promise<boolean> {
  const until = Date.now() + milliseconds;
  while ((await groupMembers(group)).length > 0) {
    if (Date.now() >= until) return false;
    await sleep(pause);
  }
  return true;
}

/** Whether there was anybody to send it to. */
function send(group: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(-group, signal);
    return true;
  } catch {
    return false;
  }
}
