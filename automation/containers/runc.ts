import { createWriteStream } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { exists } from "../local/state";
import type { Exit, Launch, Running } from "./container";

/** Where the container runtime keeps what, and the container that is to be started. */
export interface RuncOptions {
  /** State of the runtime. */
  state: string;
  /** A folder for this container alone. */
  bundle: string;
  /** Unique in `state`. */
  id: string;
  /** Output goes here, appended. */
  logFile: string;
  /** The container's configuration, for its variables. */
  spec: (environment: Record<string, string>) => object;
}

/** Names of the signals that functions end by, as Lambda writes them. */
const SIGNALS: Record<number, string> = { 6: "aborted", 9: "killed", 11: "segmentation fault", 15: "terminated" };

/** Starts containers with `runc`. */
export function runcLauncher(options: RuncOptions): Launch {
  return async (environment, output) => {
    const { bundle, spec } = options;
    await mkdir(bundle, { recursive: true, mode: 0o700 });
    await writeFile(path.join(bundle, "config.json"), JSON.stringify(spec(environment)), { mode: 0o600 });
    return run(options, output);
  };
}

function run({ state, bundle, id, logFile }: RuncOptions, output: (line: string) => void): Running {
  const pidFile = path.join(bundle, "pid");
  const child = execa("runc", ["--root", state, "run", "--pid-file", pidFile, "--bundle", bundle, id], {
    reject: false,
    stdin: "ignore",
    all: true,
    buffer: false,
  });
  const log = createWriteStream(logFile, { flags: "a", mode: 0o600 });
  let last = "";
  createInterface({ input: child.all }).on("line", (line) => {
    last = line;
    log.write(`${line}\n`);
    output(line);
  });
  const runc = (...args: string[]) => execa("runc", ["--root", state, ...args], { reject: false, stdin: "ignore" });
  let killed = false;
  const exited = (async () => {
    const { exitCode } = await child;
    const started = await exists(pidFile);
    await runc("delete", "--force", id);
    await rm(bundle, { recursive: true, force: true });
    log.end();
    return { ...exitOf(exitCode, killed), notStarted: started || killed ? undefined : last };
  })();
  const ended = exited.then(() => true);
  const kill = async () => {
    killed = true;
    // A container that is just being made cannot be killed yet.
    while (!(await Promise.race([ended, sleep(0, false)]))) {
      await runc("kill", id, "KILL");
      await Promise.race([ended, sleep(50)]);
    }
  };
  return { exited, kill };
}

/** @param killed by us, so not for its memory */
export function exitOf(code: number | undefined, killed: boolean): Exit {
  const number = (code ?? 137) - 128;
  if (number <= 0 || number > 64) return { reason: `exit status ${code}`, outOfMemory: false };
  return { reason: `signal: ${SIGNALS[number] ?? number}`, outOfMemory: number === 9 && !killed };
}
