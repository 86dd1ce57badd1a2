/**
 * Runs function images where no Docker engine does: a background process of the checkout that starts containers with
 * `runc` and answers for the local AWS. docs/containers.md tells what it is like.
 */
import { spawn } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rm } from "node:fs/promises";
import { request } from "node:http";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { TributaryError } from "../errors";
import { silent, step, type EventSink } from "../events";
import type { LocalAws } from "../local";
import { lastLines, readIfThere } from "../local/files";
import { withLock } from "../local/locking";
import { endInstance, runningInstance, type Instance } from "../local/processes";
import { exists } from "../local/state";
import type { Answer } from "./container";
import { hostFiles, type HostFiles } from "./files";
import type { Call } from "./functions";
import type { HostArguments } from "./host";

export type { Answer } from "./container";

/** A running container host. */
export interface ContainerHost {
  pid: number;
  /** On loopback. */
  port: number;
  /** What its callers prove themselves with. */
  token: string;
  /** Folder of the functions' output, a file for each. */
  logs: string;
}

interface HostInstance extends Instance {
  token: string;
  /** Port of the local AWS that it works for. */
  aws: number;
}

/** How long a start may take (ms). It takes about a second. */
const START_PATIENCE = 60_000;

/** How long a stop waits for the containers to end (ms). */
const STOP_PATIENCE = 15_000;

/** The container host of the checkout `root`, or undefined when none runs. Starts nothing. */
export async function findContainerHost(root: string): Promise<ContainerHost | undefined> {
  const files = hostFiles(root);
  const instance = (await runningInstance(files.instance)) as HostInstance | undefined;
  return instance && describe(files, instance);
}

/**
 * The container host of the checkout `root`: the running one, else one that is started now. It survives the command, and
 * ends with the local AWS. From then on the local AWS hands every call of an image function to it.
 *
 * @throws TributaryError `ContainersLack` (names the command that mends it), `ContainerHostFailed`, `LockedTooLong`
 */
export async function ensureContainerHost(root: string, aws: LocalAws, sink: EventSink): Promise<ContainerHost> {
  const files = hostFiles(root);
  await mkdir(files.home, { recursive: true, mode: 0o700 });
  return withLock(files.home, files.lock, sink, "the container host", async () => {
    const fingerprint = await sourcesFingerprint();
    const running = (await runningInstance(files.instance)) as HostInstance | undefined;
    if (running?.fingerprint === fingerprint && running.aws === aws.port) return describe(files, running);
    if (running) await end(files, running);
    await assertMachine();
    return step(sink, "Start the container host", () => start(root, files, aws, fingerprint));
  });
}

/** Ends the container host of a checkout with every container and mount of it. Does nothing when none runs. */
export async function stopContainerHost(root: string, sink: EventSink = silent): Promise<void> {
  const files = hostFiles(root);
  if (!(await exists(files.home))) return;
  await withLock(files.home, files.lock, sink, "the container host", async () => {
    const running = (await runningInstance(files.instance)) as HostInstance | undefined;
    if (running) await end(files, running);
    await rm(files.run, { recursive: true, force: true });
  });
}

/** An event for an image, outside of Lambda. */
export interface ImageCall {
  /** @default {} */
  environment?: Record<string, string>;
  /** Seconds. @default 60 */
  timeout?: number;
  /** MB. @default 512 */
  memory?: number;
  /** @default "image" */
  name?: string;
  /** The handler, in place of the image's own. */
  command?: string[];
}

/**
 * Runs an image with one event, as Lambda would, without a function in the local AWS.
 *
 * @param uri by digest, in the local AWS's registry
 * @returns the function's answer, or the error that Lambda would give, with its output
 */
export async function invokeImage(
  host: ContainerHost,
  uri: string,
  event: unknown,
  call: ImageCall = {},
): Promise<Answer> {
  const name = call.name ?? "image";
  const body: Call = {
    requestId: randomUUID(),
    event: JSON.stringify(event),
    environment: {},
    function: {
      FunctionName: name,
      FunctionArn: `arn:aws:lambda:us-east-1:000000000000:function:${name}`,
      ImageUri: uri,
      Version: "$LATEST",
      MemorySize: call.memory ?? 512,
      Timeout: call.timeout ?? 60,
      Environment: { Variables: call.environment ?? {} },
      ImageConfig: call.command ? { Command: call.command } : undefined,
    },
  };
  return JSON.parse(await post(host, JSON.stringify(body))) as Answer;
}

function post(host: ContainerHost, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${host.token}`, "content-type": "application/json" };
    const options = { host: "127.0.0.1", port: host.port, path: "/invoke", method: "POST", headers };
    const call = request(options, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(parts).toString("utf8");
        if (response.statusCode === 200) resolve(text);
        else reject(hostFailed(`it answered ${response.statusCode} ${text.slice(0, 200)}`));
      });
    });
    call.on("error", (cause) => reject(hostFailed(String(cause))));
    call.end(body);
  });
}

function describe(files: HostFiles, { pid, port, token }: HostInstance): ContainerHost {
  return { pid, port, token, logs: files.logs };
}

async function start(root: string, files: HostFiles, aws: LocalAws, fingerprint: string): Promise<ContainerHost> {
  await rm(files.instance, { force: true });
  const { port, endpoint, region, caFile } = aws;
  const given: HostArguments = { root, port, endpoint, region, caFile, fingerprint };
  const log = await open(files.log, "w", 0o600);
  let ended: string | undefined;
  try {
    const namespaces = ["--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"];
    const command = [process.execPath, path.join(__dirname, "hostStart.js"), JSON.stringify(given)];
    const child = spawn("unshare", [...namespaces, "--", ...command], {
      cwd: files.home,
      env: {
        PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin:/usr/bin:/bin`,
        // The cache of the TypeScript loader is the one that the driver uses.
        HOME: process.env.HOME,
        LANG: "C.UTF-8",
        TZ: "UTC",
      },
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
    });
    child.once("error", (error) => (ended = error.message));
    child.once("exit", (code, signal) => (ended = signal ?? `exit code ${code}`));
    child.unref();
  } finally {
    await log.close();
  }
  for (const last = Date.now() + START_PATIENCE; Date.now() < last && ended === undefined; await sleep(25)) {
    const instance = (await runningInstance(files.instance)) as HostInstance | undefined;
    if (instance) return describe(files, instance);
  }
  const lines = (await lastLines(files.log, 8)).map((line) => `\n  | ${line}`).join("");
  throw hostFailed(`it did not start: ${ended ?? `not ready within ${START_PATIENCE / 1000} s`}${lines}`);
}

async function end(files: HostFiles, instance: HostInstance): Promise<void> {
  const byItself = await endInstance(instance, STOP_PATIENCE);
  // It leads no group; its containers end with it, because it is the first process of their namespace.
  if (!byItself && (await runningInstance(files.instance))) process.kill(instance.pid, "SIGKILL");
  await rm(files.instance, { force: true });
}

function hostFailed(why: string): TributaryError {
  return new TributaryError(`the container host of the local AWS failed: ${why}`, {
    code: "ContainerHostFailed",
    next: "see .tributary/local/containers/host.log",
  });
}

/** What a machine needs to run images without a Docker engine, and has not. Empty where nothing lacks. */
export async function containersLack(): Promise<{ what: string; next: string }[]> {
  const lacks: { what: string; next: string }[] = [];
  if (process.platform !== "linux") return [{ what: "Linux", next: "run image functions on a Linux machine" }];
  if (process.getuid?.() !== 0) lacks.push({ what: "root", next: "run the command as root (sudo)" });
  else if (!(await mayMount())) {
    const next = "use a machine, or a container with the right to mount (docker run --privileged)";
    lacks.push({ what: "the right to mount (CAP_SYS_ADMIN)", next });
  }
  const { failed } = await execa("runc", ["--version"], {
    reject: false,
    env: { PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin` },
  });
  if (failed) lacks.push({ what: "runc", next: "apt-get install -y --no-install-recommends runc" });
  const systems = (await readIfThere("/proc/filesystems")) ?? "";
  if (!/\boverlay$/m.test(systems)) lacks.push({ what: "overlayfs", next: "modprobe overlay" });
  return lacks;
}

/** Root in a container may lack the capability, which is bit 21: capabilities(7). */
async function mayMount(): Promise<boolean> {
  const [, set] = /^CapEff:\s*([0-9a-f]+)$/m.exec((await readIfThere("/proc/self/status")) ?? "") ?? [];
  return set !== undefined && ((BigInt(`0x${set}`) >> 21n) & 1n) === 1n;
}

async function assertMachine(): Promise<void> {
  const lacks = await containersLack();
  if (lacks.length === 0) return;
  throw new TributaryError(`image functions cannot be run here; lacking: ${lacks.map(({ what }) => what).join(", ")}`, {
    code: "ContainersLack",
    source: "user",
    next: `${lacks.map(({ next }) => next).join("; ")}; or deploy with \`packaging: archive\``,
  });
}

/** Hash of the sources that a host is made from; a running one with another hash is older than this program. */
async function sourcesFingerprint(): Promise<string> {
  const hash = createHash("sha256").update(process.version);
  for (const name of (await readdir(__dirname)).sort())
    hash.update(name).update(await readFile(path.join(__dirname, name)));
  return hash.digest("hex").slice(0, 16);
}
