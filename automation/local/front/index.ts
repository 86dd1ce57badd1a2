/**
 * CodePipeline for the local AWS, which has none: an emulator of its own behind a small front, started beside it only by
 * commands that work on pipelines. docs/local.md tells what it is like; serve.py lists the front's rules with their reasons.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, open, readFile, rm } from "node:fs/promises";
import { request } from "node:https";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { TributaryError } from "../../errors";
import { silent, step, type EventSink } from "../../events";
import { lastLines, localFiles } from "../files";
import type { LocalAws } from "../index";
import { withLock } from "../locking";
import { endInstance, runningInstance, type Instance } from "../processes";
import { ensurePython, type PythonEnvironment } from "../python";
import { freePort } from "../settings";

const SERVE = join(__dirname, "serve.py");

const MOTO: PythonEnvironment = {
  folder: "local-codepipeline",
  requirements: join(__dirname, "requirements.txt"),
  what: "CodePipeline for the local AWS",
  size: "60 MB",
};

/** How long a start may take (ms): two seconds on an idle machine. */
const START_PATIENCE = 60_000;

/** Files of the front, below those of the local AWS: what erases that erases this. */
function frontFiles(root: string) {
  const { home, tls } = localFiles(root);
  const folder = join(home, "front");
  return {
    folder,
    lock: join(folder, "lock"),
    instance: join(folder, "instance.json"),
    log: join(folder, "front.log"),
    certificate: join(tls, "server.pem"),
    key: join(tls, "server.key"),
  };
}

/**
 * Starts CodePipeline for a running local AWS, or finds it.
 *
 * @returns what its clients need, to be laid over the local AWS's variables
 * @throws TributaryError `FrontStartFailed`, and those of the installation
 */
export async function ensureFront(root: string, aws: LocalAws, sink: EventSink): Promise<Record<string, string>> {
  const files = frontFiles(root);
  await mkdir(files.folder, { recursive: true, mode: 0o700 });
  const { port } = await withLock(files.folder, files.lock, sink, "CodePipeline", async () => {
    const wanted = await fingerprint(aws);
    const running = await runningInstance(files.instance);
    if (running?.fingerprint === wanted && (await answers(running.port, aws.caFile))) return running;
    if (running) await endInstance(running, 5_000);
    return step(sink, "Start CodePipeline beside the local AWS", () => start(root, aws, wanted, sink));
  });
  return { AWS_ENDPOINT_URL_CODEPIPELINE: `https://localhost:${port}` };
}

/** Stops the front of a checkout; does nothing when none runs. What it was told is kept for the next start. */
export async function stopFront(root: string, sink: EventSink = silent): Promise<void> {
  const instance = await runningInstance(frontFiles(root).instance);
  if (instance) await step(sink, "Stop CodePipeline", () => endInstance(instance, 5_000));
}

/** What a front was started with; one that was started with anything else is started again. */
async function fingerprint({ stateId, endpoint }: LocalAws): Promise<string> {
  return createHash("sha256")
    .update(await readFile(MOTO.requirements))
    .update(await readFile(SERVE))
    .update(`${stateId} ${endpoint}`)
    .digest("hex")
    .slice(0, 16);
}

async function start(root: string, aws: LocalAws, wanted: string, sink: EventSink): Promise<Instance> {
  const files = frontFiles(root);
  const { python } = await ensurePython(sink, MOTO);
  const port = await freePort();
  const { stateId, endpoint, caFile: ca } = aws;
  const { certificate, key } = files;
  const given = { port, fingerprint: wanted, stateId, certificate, key, endpoint, ca };
  await rm(files.log, { force: true });
  const log = await open(files.log, "a", 0o600);
  let ended: string | undefined;
  try {
    const child = spawn(python, ["-I", "-B", SERVE, files.folder, JSON.stringify(given)], {
      cwd: files.folder,
      // Nothing of the person's own AWS.
      env: { PATH: "/usr/bin:/bin", HOME: files.folder, LANG: "C.UTF-8", TZ: "UTC", AWS_EC2_METADATA_DISABLED: "true" },
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
    });
    child.once("error", (error) => (ended = error.message));
    child.once("exit", (code, signal) => (ended = signal ?? `exit code ${code}`));
    child.unref();
  } finally {
    await log.close();
  }
  const end = Date.now() + START_PATIENCE;
  while (Date.now() < end && ended === undefined) {
    const instance = await runningInstance(files.instance);
    if (instance && (await answers(instance.port, ca))) return instance;
    await sleep(100);
  }
  const lines = (await lastLines(files.log, 8)).map((line) => `\n  | ${line}`).join("");
  const why = ended === undefined ? `no answer within ${START_PATIENCE / 1000} s` : `it ended at once (${ended})`;
  throw new TributaryError(`CodePipeline did not start beside the local AWS: ${why}${lines}`, {
    code: "FrontStartFailed",
    next: `read ${files.log}; \`tributary destroy local\` starts from nothing`,
  });
}

/** Whether the front answers with a certificate of our authority. */
async function answers(port: number, caFile: string): Promise<boolean> {
  const ca = await readFile(caFile, "utf8");
  return new Promise((resolve) => {
    const options = { host: "127.0.0.1", servername: "localhost", port, ca, path: "/_front/health", agent: false };
    const call = request({ ...options, timeout: 5_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    call.on("timeout", () => call.destroy());
    call.on("error", () => resolve(false));
    call.end();
  });
}
