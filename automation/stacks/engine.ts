import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, open, readFile, rm } from "node:fs/promises";
import * as path from "node:path";
import type { PulumiCommand } from "@pulumi/pulumi/automation";
import * as errors from "@pulumi/pulumi/automation/errors";
import { writeWhole } from "../local/files";
import { logged, writeLog } from "./engineLog";
import { maskPlannedValues } from "./masking";
import { descendants, ends, identify, isAlive, parents, signalProcess, type ProcessIdentity } from "./processes";

/** What a command of the engine printed; the Automation API's own type is not exported. */
export interface CommandResult {
  stdout: string;
  stderr: string;
  code: number;
}

// Not declared by the Automation API, but its stack selection looks at the classes that this makes.
const { createCommandError } = errors as unknown as { createCommandError(result: CommandResult): Error };

/** Milliseconds between two looks at which plugins the engine has started. */
const recordInterval = 2_000;

/** Identity of the engine that runs, so that a later command can wait for it when this driver was killed. */
export function engineFile(folder: string): string {
  return path.join(folder, "engine.json");
}

/**
 * The engine's command line, started so that it outlives the death of the driver in good order. What the Automation API
 * does itself is not enough for that: it ties the engine's output to pipes, at which the engine dies when the driver is
 * gone, with locks held and steps in flight; and it leaves the engine in the terminal's process group, where one Ctrl-C
 * counts as two and aborts it. Here output goes to files and the engine leads a process group of its own.
 */
export class Engine {
  private running: ChildProcess | undefined;
  private recording: Promise<void> | undefined;
  private count = 0;

  /**
   * @param base command and version, as the toolchain found them
   * @param folder where output and the engine's identity are written while it runs
   * @param logs where what it printed is kept; undefined: nowhere
   */
  constructor(
    private readonly base: PulumiCommand,
    private readonly folder: string,
    private readonly logs?: string,
  ) {}

  /** Called when a command's process was started. @default nothing */
  onStarted: () => void = () => undefined;

  /** What the last run of the engine that works on resources printed; undefined before the first. */
  lastLog: string | undefined;

  /** This engine in the shape that a workspace of the Automation API takes. */
  get command(): PulumiCommand {
    const run = this.run.bind(this);
    return Object.assign(Object.create(this.base) as PulumiCommand, { run });
  }

  /** Ends the engine and its plugins at once; for a second Ctrl-C. */
  kill(): void {
    const pid = this.running?.pid;
    if (pid === undefined) return;
    signalProcess(-pid, "SIGKILL");
  }

  /**
   * Runs one command of the engine.
   *
   * @throws CommandError of the Automation API when it fails
   */
  async run(
    args: string[],
    cwd: string,
    env: Record<string, string>,
    _onOutput?: (text: string) => void,
    _onError?: (text: string) => void,
    signal?: AbortSignal,
  ): Promise<CommandResult> {
    await mkdir(this.folder, { recursive: true });
    const log = path.join(this.folder, `${process.pid}-${++this.count}`);
    const [out, err] = await Promise.all([open(`${log}.out`, "w"), open(`${log}.err`, "w")]);
    try {
      const child = spawn(this.base.command, [...args, "--non-interactive"], {
        cwd,
        env: { ...process.env, ...env, PATH: this.pathFor(env), PULUMI_AUTOMATION_API: "true" },
        detached: true,
        stdio: ["ignore", out.fd, err.fd],
      });
      const code = await this.attend(child, signal);
      const printed = await Promise.all([readFile(`${log}.out`, "utf8"), readFile(`${log}.err`, "utf8")]);
      const [stdout, stderr] = printed.map(maskPlannedValues) as [string, string];
      const result = {
        stdout,
        stderr,
        code,
        toString: () => `code: ${code}\n stdout: ${stdout}\n stderr: ${stderr}\n`,
      };
      await this.keepLog(args, result);
      if (code !== 0) throw createCommandError(result);
      return result;
    } finally {
      await Promise.all([out.close(), err.close()]);
      await Promise.all([rm(`${log}.out`, { force: true }), rm(`${log}.err`, { force: true })]);
    }
  }

  private async keepLog(args: string[], result: CommandResult): Promise<void> {
    if (this.logs === undefined || !logged.includes(args[0] ?? "")) return;
    this.lastLog = await writeLog(this.logs, args, result).catch(() => undefined);
  }

  private async attend(child: ChildProcess, signal: AbortSignal | undefined): Promise<number> {
    this.running = child;
    const ended = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
    const stop = () => child.kill("SIGINT");
    const watch = setInterval(() => void this.record(child.pid), recordInterval);
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted) stop();
    try {
      await this.record(child.pid);
      this.onStarted();
      const [code] = await ended;
      return code ?? -1;
    } finally {
      clearInterval(watch);
      signal?.removeEventListener("abort", stop);
      this.running = undefined;
      await this.recording;
      await rm(engineFile(this.folder), { force: true });
    }
  }

  /** Writes down which processes run, so that a later command finds them when this driver is killed. */
  private async record(pid: number | undefined): Promise<void> {
    if (pid === undefined || this.running?.pid !== pid) return;
    this.recording = writeRecord(this.folder, pid).catch(() => undefined);
    await this.recording;
  }

  private pathFor(env: Record<string, string>): string {
    const own = path.isAbsolute(this.base.command) ? [path.dirname(this.base.command)] : [];
    return [...own, env.PATH ?? process.env.PATH ?? ""].join(path.delimiter);
  }
}

/** An engine that was started, and the plugins that it had started when this was written. */
interface EngineRecord extends ProcessIdentity {
  plugins: ProcessIdentity[];
}

async function writeRecord(folder: string, pid: number): Promise<void> {
  const pids = [pid, ...descendants(pid, await parents())];
  const [engine, ...plugins] = await Promise.all(pids.map(identify));
  if (!engine) return;
  const record: EngineRecord = { ...engine, plugins: plugins.filter((plugin) => plugin !== undefined) };
  await writeWhole(engineFile(folder), JSON.stringify(record));
}

/** What a former driver left running: its engine, and plugins that outlived their engine. */
export async function leftProcesses(
  folder: string,
): Promise<{ engine: ProcessIdentity | undefined; plugins: ProcessIdentity[] }> {
  const record = readRecord(await readFile(engineFile(folder), "utf8").catch(() => ""));
  if (!record) return { engine: undefined, plugins: [] };
  const alive = await Promise.all([record, ...record.plugins].map(isAlive));
  return {
    engine: alive[0] ? { pid: record.pid, start: record.start } : undefined,
    plugins: record.plugins.filter((_, index) => alive[index + 1]),
  };
}

/** Reads a record; undefined when it is none. */
export function readRecord(text: string): EngineRecord | undefined {
  try {
    const { pid, start, plugins } = JSON.parse(text) as Partial<EngineRecord>;
    if (typeof pid !== "number" || typeof start !== "string") return undefined;
    return {
      pid,
      start,
      plugins: (plugins ?? []).filter((plugin) => typeof plugin?.pid === "number" && typeof plugin.start === "string"),
    };
  } catch {
    return undefined;
  }
}

/** Ends a process and all that it started, at once. */
export async function killTree(pid: number): Promise<void> {
  const all = [pid, ...descendants(pid, await parents())];
  for (const each of all) signalProcess(each, "SIGKILL");
}

/** Ends everything that a former driver left running, at once. */
export async function killLeft(folder: string): Promise<void> {
  const { engine, plugins } = await leftProcesses(folder);
  if (engine) await killTree(engine.pid);
  for (const { pid } of plugins) signalProcess(pid, "SIGKILL");
  await Promise.all([...(engine ? [engine] : []), ...plugins].map((each) => ends(each, 5_000)));
}
