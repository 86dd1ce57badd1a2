import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { createConnection } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { TributaryError } from "../errors";
import { step, type EventSink } from "../events";
import { lastLines, readIfThere, writeWhole } from "../local/files";
import { configurationText, daemonEnvironment } from "./configuration";
import type { BuilderFiles } from "./files";
import { connections, endDaemon, findDaemon } from "./processes";
import { rememberRegistries } from "./registries";
import type { OwnRegistry } from "./types";

/** How long a start may take (ms). It takes a quarter of a second; a big cache on a loaded machine needs more. */
const startPatience = 60_000;

/**
 * How long a stop waits for the daemon to end by itself (ms). An idle one takes some milliseconds; one that builds would wait
 * for its builds. Its databases bear a kill.
 */
const stopPatience = 3_000;

/** How long a restart waits for the builds of other commands (ms). */
const busyPatience = 15 * 60_000;

/** The programs that a daemon is made from, by path. */
export interface DaemonPrograms {
  buildkitd: string;
  runc: string;
}

/**
 * Makes sure that the daemon of a checkout runs and knows the wanted registries. It outlives the command. A daemon of other
 * programs or settings is restarted, once the builds of other commands are over. Call it with the builder's lock held.
 *
 * @throws TributaryError BuilderStartFailed, BuilderBusy, RegistryAddressInvalid
 */
export async function ensureDaemon(
  files: BuilderFiles,
  programs: DaemonPrograms,
  wanted: OwnRegistry[],
  sink: EventSink,
): Promise<void> {
  await mkdir(files.home, { recursive: true, mode: 0o700 });
  const text = configurationText(files, programs.runc, await rememberRegistries(files, wanted));
  const environment = daemonEnvironment(files);
  const fingerprint = createHash("sha256")
    .update(JSON.stringify([programs.buildkitd, text, environment]))
    .digest("hex");
  const running = await findDaemon(files.configuration);
  if (running) {
    if ((await readIfThere(files.fingerprint)) === fingerprint && (await answers(files.socket))) return;
    await untilIdle(files, sink);
    await endDaemon(running, stopPatience);
  }
  await step(sink, "Starting the image builder", async () => {
    await prepare(files, text);
    await start(files, programs, environment);
  });
  // Last: without it the next command starts the daemon again, and so mends what is not known to be right.
  await writeWhole(files.fingerprint, fingerprint);
}

/** Whether somebody accepts connections at a socket. */
export async function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = createConnection(socket);
    connection.setTimeout(5000);
    const settle = (answer: boolean) => {
      connection.destroy();
      resolve(answer);
    };
    connection.once("connect", () => settle(true));
    connection.once("error", () => settle(false));
    connection.once("timeout", () => settle(false));
  });
}

async function untilIdle(files: BuilderFiles, sink: EventSink): Promise<void> {
  const end = Date.now() + busyPatience;
  let told = false;
  while ((await connections(files.socket)) > 0) {
    if (Date.now() > end) {
      throw new TributaryError(
        `the image builder has to be restarted with new settings, but has been building for another command for over ${busyPatience / 60_000} minutes`,
        { code: "BuilderBusy", next: "wait for the other command, or end it; then run this one again" },
      );
    }
    if (!told) {
      told = true;
      const text = "waiting for another command's builds: the image builder has to be restarted with new settings";
      sink({ type: "message", level: "info", text });
    }
    await sleep(200);
  }
}

async function prepare(files: BuilderFiles, text: string): Promise<void> {
  await rm(files.fingerprint, { force: true });
  await rm(files.tmp, { recursive: true, force: true });
  await mkdir(files.tmp, { mode: 0o700 });
  await mkdir(files.sockets, { recursive: true, mode: 0o700 });
  await Promise.all([files.socket, files.traces].map((file) => rm(file, { force: true })));
  await writeWhole(files.configuration, text, 0o600);
  await rename(files.log, files.previousLog).catch(() => undefined);
}

/**
 * Namespaces of its own for mounts and processes: whatever way the daemon ends, the system removes the mounts and ends
 * the build steps.
 */
const launcher = ["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc", "--"];

async function start(files: BuilderFiles, programs: DaemonPrograms, env: Record<string, string>): Promise<void> {
  const log = await open(files.log, "a", 0o600);
  let ended: string | undefined;
  try {
    const args = [...launcher, programs.buildkitd, "--config", files.configuration];
    const child = spawn("unshare", args, { cwd: files.home, env, detached: true, stdio: ["ignore", log.fd, log.fd] });
    child.once("error", (error) => (ended = error.message));
    child.once("exit", (code, signal) => (ended = signal ?? `exit code ${code}`));
    child.unref();
  } finally {
    await log.close();
  }
  const end = Date.now() + startPatience;
  while (!(await answers(files.socket))) {
    if (ended !== undefined) throw await failure(files, `it ended at once (${ended})`);
    if (Date.now() > end) {
      const running = await findDaemon(files.configuration);
      if (running) await endDaemon(running, 5000);
      throw await failure(files, `no answer within ${startPatience / 1000} s`);
    }
    await sleep(20);
  }
}

async function failure(files: BuilderFiles, what: string): Promise<TributaryError> {
  const lines = withoutTraces(await lastLines(files.log, 200)).slice(-12);
  const forbidden = lines.some((line) => /^unshare: .*(not permitted|denied)/.test(line));
  return new TributaryError(
    `the image builder did not start: ${what}\n${lines.map((line) => `  | ${line}`).join("\n")}`,
    {
      code: "BuilderStartFailed",
      next: forbidden
        ? "this container may not make namespaces: run it privileged, or name a builder in the setting imageBuild.builder"
        : `read ${files.log}; \`tributary doctor\` tells what the builder needs`,
    },
  );
}

/** The daemon prints each error with the frames that it came through, two lines each, the second one indented. */
function withoutTraces(lines: string[]): string[] {
  return lines.filter((line, index) => !line.startsWith("\t") && !lines[index + 1]?.startsWith("\t"));
}

/** Ends the daemon of a checkout; whether one ran. Call it with the builder's lock held. */
export async function endDaemonOf(files: BuilderFiles): Promise<boolean> {
  const running = await findDaemon(files.configuration);
  if (running) await endDaemon(running, stopPatience);
  await Promise.all([files.socket, files.traces, files.fingerprint].map((file) => rm(file, { force: true })));
  return running !== undefined;
}
