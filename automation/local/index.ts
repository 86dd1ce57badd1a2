/**
 * The local AWS of a checkout: found, started, stopped and erased. It is an emulator process of its own that outlives the
 * command which started it. docs/local.md tells what it is like, docs/decisions/0003-local-aws.md why it is so.
 */
import { mkdir, readdir, readFile, rm, rmdir } from "node:fs/promises";
import { Agent } from "node:https";
import { join } from "node:path";
import { stopContainerHost } from "../containers";
import { TributaryError } from "../errors";
import type { EventSink } from "../events";
import { silent, step } from "../events";
import { clientEnvironment, LOCAL_ACCOUNT, LOCAL_REGION } from "./environment";
import type { LocalFiles } from "./files";
import { lastLines, localFiles, readIfThere } from "./files";
import { stopFront } from "./front";
import { becomesHealthy, isHealthy } from "./health";
import { withLock } from "./locking";
import type { Instance } from "./processes";
import { endInstance, runningInstance } from "./processes";
import { clearTemporary, fingerprint, START_PATIENCE, startServer } from "./server";
import { exists } from "./state";

export { LOCAL_ACCOUNT, LOCAL_ACCOUNTS, LOCAL_REGION } from "./environment";
export { localAwsAs } from "./accounts";
export { toolCache } from "./python";

/** A running local AWS. */
export interface LocalAws {
  /** `https://localhost:<port>`: for every service. */
  endpoint: string;
  /** On 127.0.0.1; the same at every start while it is free. */
  port: number;
  /** 12 digits. */
  account: string;
  /** Where requests go that name none. */
  region: string;
  /** Certificate, PEM, of the authority to trust. */
  caFile: string;
  /** For SDKs, the Pulumi engine and its AWS plugin: to be laid over the inherited environment. */
  env: Record<string, string>;
  /** It did not end cleanly since `acknowledgeStateLoss` was last called: it started from nothing. */
  stateLost: boolean;
  /** Changes whenever the state starts from nothing, for whatever reason. */
  stateId: string;
  pid: number;
  /** What the emulator printed. */
  logFile: string;
}

/** How long a find waits for an answer of a process that is there (ms). A flood of events keeps it busy for seconds. */
const ANSWER_PATIENCE = 15_000;

/** How long a stop waits for the state to be written (ms). It takes about 1.5 s with 600 objects. */
const STOP_PATIENCE = 60_000;

const caFile = (files: LocalFiles) => join(files.tls, "ca.pem");

async function describe(files: LocalFiles, instance: Instance): Promise<LocalAws | undefined> {
  const stateId = await readIfThere(files.stateId);
  if (stateId === undefined) {
    return undefined;
  }
  const { port, pid } = instance;
  return {
    endpoint: `https://localhost:${port}`,
    port,
    account: LOCAL_ACCOUNT,
    region: LOCAL_REGION,
    caFile: caFile(files),
    env: clientEnvironment({ port, caFile: caFile(files) }),
    stateLost: await exists(files.lost),
    stateId,
    pid,
    logFile: files.log,
  };
}

/**
 * The local AWS of the checkout `root`, or undefined when it does not run or does not answer within 15 s. Starts nothing,
 * and takes some milliseconds when all is well.
 */
export async function findLocalAws(root: string): Promise<LocalAws | undefined> {
  const files = localFiles(root);
  const instance = await runningInstance(files.instance);
  if (!instance || !(await isHealthy(instance.port, caFile(files), ANSWER_PATIENCE))) {
    return undefined;
  }
  return describe(files, instance);
}

/** The running server if it can be used as it is; otherwise it has ended when this returns. */
async function reuse(files: LocalFiles, sink: EventSink): Promise<Instance | undefined> {
  const instance = await runningInstance(files.instance);
  if (!instance) {
    return undefined;
  }
  const gone = async () => (await runningInstance(files.instance)) === undefined;
  const healthy = await becomesHealthy(instance.port, caFile(files), START_PATIENCE, gone);
  const current = instance.fingerprint === (await fingerprint(files));
  if (healthy && current && (await describe(files, instance))) {
    return instance;
  }
  const why = healthy ? "was started by another version of this program" : "does not answer";
  sink({ type: "message", level: "warning", text: `the local AWS ${why} and is started again` });
  await endInstance(instance, STOP_PATIENCE);
  return undefined;
}

/**
 * The local AWS of the checkout `root`: the running one, else one that is started now, with the state of its last stop.
 * Installs what it runs on at the first call on a machine. Two calls at once, here or in two processes, give the same one.
 *
 * @throws TributaryError `PythonMissing`, `LocalAwsInstallFailed`, `LocalAwsStartFailed`, `LockedTooLong`, `NoFreePort`,
 *   `CertificateFailed`
 */
export async function ensureLocalAws(root: string, sink: EventSink): Promise<LocalAws> {
  const files = localFiles(root);
  await mkdir(files.home, { recursive: true, mode: 0o700 });
  const instance = await withLock(files.home, files.lock, sink, "the local AWS", async () => {
    const running = await reuse(files, sink);
    return running ?? (await step(sink, "Start the local AWS", () => startServer(files, sink)));
  });
  const found = await describe(files, instance);
  if (!found) {
    throw new TributaryError(`the files of the local AWS in ${files.home} were removed while it started`, {
      code: "LocalAwsStartFailed",
      next: "run the command again, alone",
    });
  }
  return found;
}

/** Says that what was lost has been built again, or that it does not matter: `stateLost` becomes false. */
export async function acknowledgeStateLoss(root: string): Promise<void> {
  await rm(localFiles(root).lost, { force: true });
}

/**
 * Stops the local AWS and every function it runs; its state is kept for the next start. Does nothing when none runs.
 *
 * @throws TributaryError `LockedTooLong`
 */
export async function stopLocalAws(root: string, sink: EventSink): Promise<void> {
  const files = localFiles(root);
  if (!(await exists(files.home))) {
    return;
  }
  await stopFront(root, sink);
  await withLock(files.home, files.lock, sink, "the local AWS", async () => {
    const instance = await runningInstance(files.instance);
    if (instance) {
      await step(sink, "Stop the local AWS", () => endInstance(instance, STOP_PATIENCE));
    }
    if (instance && !(await exists(files.clean))) {
      const text = `the local AWS could not write its state (${files.log}): it starts empty the next time`;
      sink({ type: "message", level: "warning", text });
    }
    await clearTemporary(files);
  });
  // After it: calls in progress have had their time to end.
  await stopContainerHost(root, sink);
}

/**
 * Stops the local AWS and removes everything it ever wrote: state, certificates, logs. What is installed in the tool
 * cache stays, because other checkouts use it. Does nothing when there is nothing.
 *
 * @throws TributaryError `LockedTooLong`
 */
export async function eraseLocalAws(root: string): Promise<void> {
  const files = localFiles(root);
  if (!(await exists(files.home))) {
    return;
  }
  await stopContainerHost(root);
  await stopFront(root);
  await withLock(files.home, files.lock, silent, "the local AWS", async () => {
    const instance = await runningInstance(files.instance);
    if (instance) {
      await endInstance(instance, 5000);
    }
    await clearTemporary(files);
    for (const name of await readdir(files.home)) {
      if (join(files.home, name) !== files.lock) {
        await rm(join(files.home, name), { recursive: true, force: true });
      }
    }
  });
  // Not when another process has begun to use it meanwhile.
  await rmdir(files.home).catch(() => undefined);
}

/**
 * For a command that failed while it used the local AWS: whether the reason is that the local AWS is not there any more.
 *
 * @param cause the failure
 * @returns the error to show instead, or undefined when the local AWS runs and the failure has another reason
 */
export async function localAwsDied(root: string, cause: unknown): Promise<TributaryError | undefined> {
  if (await findLocalAws(root)) {
    return undefined;
  }
  const files = localFiles(root);
  const alive = await runningInstance(files.instance);
  const what = alive ? `does not answer any more (process ${alive.pid})` : "is not running any more";
  const lines = (await lastLines(files.log, 5)).map((line) => `\n  | ${line}`).join("");
  return new TributaryError(`the local AWS ${what}; the last lines of ${files.log}:${lines}`, {
    code: "LocalAwsDied",
    source: "cloud",
    next: "`tributary deploy local` starts it again and builds what was lost; then run this command again",
    cause,
  });
}

/**
 * For SDK clients in a process that was not started with NODE_EXTRA_CA_CERTS, such as the driver's:
 * `new S3Client({ requestHandler: { httpsAgent } })`. Keeps connections; `destroy()` it at the end.
 *
 * @param maxSockets connections at once
 */
export async function localHttpsAgent(aws: LocalAws, maxSockets = 50): Promise<Agent> {
  return new Agent({ keepAlive: true, maxSockets, ca: await readFile(aws.caFile, "utf8") });
}

/**
 * Settings of an SDK client that reaches a local AWS as its root user.
 *
 * @param httpsAgent of {@link localHttpsAgent}; whoever made it ends it
 */
export function localClientSettings(
  { endpoint, region, env }: Pick<LocalAws, "endpoint" | "region" | "env">,
  httpsAgent: Agent,
) {
  const credentials = { accessKeyId: env.AWS_ACCESS_KEY_ID ?? "", secretAccessKey: env.AWS_SECRET_ACCESS_KEY ?? "" };
  return { endpoint, region, credentials, requestHandler: { httpsAgent } };
}

/** Settings of SDK clients, and how to let go of what they hold. */
export interface ClientConnection {
  /** Of the local AWS; empty for AWS itself, whose clients find their own. */
  settings: Partial<ReturnType<typeof localClientSettings>>;
  close(): void;
}

/** Settings of clients that reach a local AWS as its root user, or without one AWS itself. */
export async function connectClients(aws: LocalAws | undefined): Promise<ClientConnection> {
  if (!aws) return { settings: {}, close: () => undefined };
  const agent = await localHttpsAgent(aws);
  return { settings: localClientSettings(aws, agent), close: () => agent.destroy() };
}
