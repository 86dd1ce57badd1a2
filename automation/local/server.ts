import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, open, readFile, rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { TributaryError } from "../errors";
import type { EventSink } from "../events";
import type { Certificates } from "./certificates";
import { ensureCertificates } from "./certificates";
import { SERVER_NAMES, serverEnvironment } from "./environment";
import type { LocalFiles } from "./files";
import { lastLines } from "./files";
import { becomesHealthy } from "./health";
import type { Instance } from "./processes";
import { endInstance, endOrphans, runningInstance } from "./processes";
import { ensurePython } from "./python";
import type { LocalSettings } from "./settings";
import { isFree, settingsForStart } from "./settings";
import { exists, prepareState } from "./state";

/** How long a start may take (ms). It takes about a second; a loaded machine and much state need more. */
export const START_PATIENCE = 90_000;

const SERVE = join(__dirname, "serve.py");
const MENDS = join(__dirname, "mends.py");
const CONTAINERS = join(__dirname, "containers.py");

/** Hash of what a server is made from; a running one with another hash is older than this program. */
export async function fingerprint(files: LocalFiles): Promise<string> {
  const nothing = { ca: "", certificate: "", key: "" };
  const environment = serverEnvironment(files, { port: 0 }, nothing);
  return createHash("sha256")
    .update(await readFile(join(__dirname, "requirements.txt")))
    .update(await readFile(SERVE))
    .update(await readFile(MENDS))
    .update(await readFile(CONTAINERS))
    .update(JSON.stringify([environment, SERVER_NAMES, process.version]))
    .digest("hex")
    .slice(0, 16);
}

/** Removes what a run leaves behind, files and processes; for when no server runs. */
export async function clearTemporary(files: LocalFiles): Promise<void> {
  await endOrphans(files.instance, files.tmp);
  await rm(files.tmp, { recursive: true, force: true });
}

async function prepareFolders(files: LocalFiles): Promise<void> {
  await mkdir(join(files.tmp, "home"), { recursive: true, mode: 0o700 });
  await rm(files.bin, { recursive: true, force: true });
  await mkdir(files.bin, { recursive: true });
  // Functions run on the very Node that runs this program.
  await symlink(process.execPath, join(files.bin, "node"));
  await rename(files.log, files.previousLog).catch(() => undefined);
}

/** What is told of a child process that is not waited for. */
interface Ended {
  ended?: string;
}

async function launch(
  files: LocalFiles,
  settings: LocalSettings,
  certificates: Certificates,
  python: string,
): Promise<Ended> {
  const given = { port: settings.port, fingerprint: await fingerprint(files) };
  const log = await open(files.log, "a", 0o600);
  const state: Ended = {};
  try {
    const child = spawn(python, ["-I", "-B", SERVE, files.home, JSON.stringify(given)], {
      cwd: files.home,
      env: serverEnvironment(files, settings, certificates),
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
    });
    child.once("error", (error) => (state.ended = error.message));
    child.once("exit", (code, signal) => (state.ended = signal ?? `exit code ${code}`));
    child.unref();
  } finally {
    await log.close();
  }
  return state;
}

async function failure(files: LocalFiles, what: string): Promise<TributaryError> {
  const lines = await lastLines(files.log, 12);
  return new TributaryError(`the local AWS did not start: ${what}\n${lines.map((line) => `  | ${line}`).join("\n")}`, {
    code: "LocalAwsStartFailed",
    next: `read ${files.log}; \`tributary destroy local\` starts from nothing`,
  });
}

function tellChanges(settings: { port: number; formerPort?: number }, lost: boolean, sink: EventSink): void {
  if (lost) {
    const text = "the local AWS had not ended cleanly, its state was lost: it starts empty and has to be built again";
    sink({ type: "message", level: "warning", text });
  }
  if (settings.formerPort !== undefined) {
    const text = `port ${settings.formerPort} is taken by another program, the local AWS now answers on ${settings.port}`;
    sink({ type: "message", level: "warning", text });
  }
}

/** One start; undefined when another one has better prospects: the port was taken, or the state could not be read. */
async function attempt(files: LocalFiles, python: string, sink: EventSink): Promise<Instance | undefined> {
  const settings = await settingsForStart(files);
  const certificates = await ensureCertificates(files.tls, SERVER_NAMES, python);
  await clearTemporary(files);
  tellChanges(settings, await prepareState(files), sink);
  await prepareFolders(files);
  const child = await launch(files, settings, certificates, python);
  const healthy = await becomesHealthy(settings.port, certificates.ca, START_PATIENCE, () => child.ended !== undefined);
  const instance = await runningInstance(files.instance);
  if (healthy && instance) {
    return instance;
  }
  if (instance) {
    await endInstance(instance, 5000);
    throw await failure(files, `no answer on port ${settings.port} within ${START_PATIENCE / 1000} s`);
  }
  if (!(await isFree(settings.port)) || !(await exists(files.clean))) {
    return undefined;
  }
  throw await failure(files, `it ended at once (${child.ended ?? "no reason known"})`);
}

/**
 * Starts the server of a checkout and waits until it answers. Call it with the lock held and none running.
 *
 * @throws TributaryError `LocalAwsStartFailed` with the last lines of its log, and what the preparations throw
 */
export async function startServer(files: LocalFiles, sink: EventSink): Promise<Instance> {
  const { python } = await ensurePython(sink);
  for (let count = 0; count < 3; count++) {
    const instance = await attempt(files, python, sink);
    if (instance) {
      return instance;
    }
  }
  throw await failure(files, "three attempts in a row ended at once");
}
