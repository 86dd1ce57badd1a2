import { randomUUID } from "node:crypto";
import { createWriteStream, type WriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import * as path from "node:path";
import { finished } from "node:stream/promises";
import { messageOf } from "../../errors";
import { secondsSince } from "../../events";
import { readReports, type Report } from "../reports";
import { readBuildspec, type CommandPhase, type ReadBuildspec } from "./buildspec";
import type { BuildResult, PhaseResult, RunStatus } from "./buildTypes";
import { buildEnvironment, type BuildIdentity } from "./buildEnvironment";
import type { BuildCache } from "./cache";
import { keepArtifact } from "./files";
import { endGroup, runCommand, type ShellState } from "./shell";

/** A build as an action asks for it. */
export interface BuildRequest {
  /** Name of the CodeBuild project. */
  project: string;
  /** The text that CodeBuild would get. */
  buildspec: string;
  /** What the build is told about itself. */
  identity: Omit<BuildIdentity, "id" | "source" | "secondary">;
  /** Variables that the action gives; they go before the buildspec's own. */
  variables: Record<string, string>;
  /** Makes a folder of the primary input. */
  source(folder: string): Promise<void>;
  /** Folders of the other inputs, by artifact. */
  secondary: Record<string, string>;
  /** Artifacts that it has to make. */
  outputs: string[];
  /** A new folder for all that it leaves. */
  folder: string;
  cache: Pick<BuildCache, "restore" | "save">;
  /** Seconds. */
  timeout: number;
  signal: AbortSignal;
  /** Time for a stopped command to end by itself (ms). */
  patience: number;
  /** News: the phase, and the last line. */
  onProgress(message: string): void;
  /** A process group was begun, or is over. */
  onGroup(group: number, runs: boolean): void;
}

const phaseNames = { install: "INSTALL", pre_build: "PRE_BUILD", build: "BUILD", post_build: "POST_BUILD" } as const;

/** Lines of a failed build that are kept for its report. */
const tailLines = 40;

/**
 * Runs a buildspec as CodeBuild does: phase by phase, each command in the environment that the one before left; after a failed
 * `build` still `post_build`; then reports and artifacts.
 *
 * @throws TributaryError `BuildspecInvalid`; what the build itself gets wrong is in its result
 */
export function runBuild(request: BuildRequest): Promise<BuildResult> {
  return new Build(request).run();
}

class Build {
  private readonly id: string;
  private readonly source: string;
  private readonly spec: ReadBuildspec;
  private readonly phases: PhaseResult[] = [];
  private readonly started = performance.now();
  private readonly background = new Set<number>();
  private readonly tail: string[] = [];
  private readonly stop = new AbortController();
  private readonly logFile: string;
  private log!: WriteStream;
  private state: ShellState = { env: {}, folder: "" };
  private status: RunStatus = "SUCCEEDED";
  private phase = "";

  constructor(private readonly request: BuildRequest) {
    this.id = `${request.project}:${randomUUID()}`;
    this.source = path.join(request.folder, "src");
    this.logFile = path.join(request.folder, "build.log");
    this.spec = readBuildspec(request.buildspec, request.project);
  }

  async run(): Promise<BuildResult> {
    const { request } = this;
    await mkdir(request.folder, { recursive: true });
    this.log = createWriteStream(this.logFile, { mode: 0o600 });
    const limit = setTimeout(() => this.end("TIMED_OUT"), request.timeout * 1000);
    const stopped = () => this.end("STOPPED");
    request.signal.addEventListener("abort", stopped, { once: true });
    try {
      if (request.signal.aborted) stopped();
      return await this.runPhases();
    } finally {
      clearTimeout(limit);
      request.signal.removeEventListener("abort", stopped);
      for (const group of this.background) {
        await endGroup(group, 0);
        request.onGroup(group, false);
      }
      await request.cache.save(this.source, this.spec.cache.paths);
      this.log.end();
      await finished(this.log).catch(() => undefined);
    }
  }

  private async runPhases(): Promise<BuildResult> {
    let goOn = await this.timed("DOWNLOAD_SOURCE", () => this.download());
    for (const name of ["install", "pre_build", "build"] as const) {
      if (!goOn) break;
      goOn = await this.commandPhase(name);
      // CodeBuild leaves out what comes after install and pre_build, and not what comes after build.
      if (name === "build" && this.status === "FAILED" && this.spec.phases.build?.["on-failure"] !== "ABORT")
        goOn = true;
    }
    if (goOn && !this.stop.signal.aborted) await this.commandPhase("post_build");
    const reports = await readReports(this.source, this.spec.reports);
    const artifacts = await this.upload(reports);
    const { status, id, phases } = this;
    const failed = status === "SUCCEEDED" ? {} : { tail: [...this.tail] };
    const exported = this.exported();
    const seconds = secondsSince(this.started);
    return { status, id, phases, reports, exported, artifacts, log: this.logFile, ...failed, seconds };
  }

  private async download(): Promise<string | undefined> {
    const { request, spec } = this;
    await request.source(this.source);
    await request.cache.restore(this.source, spec.cache.paths);
    const own = { ...request.identity, id: this.id, source: this.source, secondary: request.secondary };
    const env = { ...buildEnvironment(own), ...spec.env.variables, ...request.variables };
    this.state = { env, folder: this.source };
    const external = [...Object.keys(spec.env["parameter-store"]), ...Object.keys(spec.env["secrets-manager"])];
    const missing = external.filter((name) => request.variables[name] === undefined);
    if (missing.length === 0) return undefined;
    return `parameters and secrets are not fetched on this machine: give ${missing.join(", ")} with --variable`;
  }

  /** Whether the build goes on. */
  private async commandPhase(name: CommandPhase): Promise<boolean> {
    const phase = this.spec.phases[name];
    if (phase === undefined) return true;
    const onFailure = phase["on-failure"];
    let tries = retries(onFailure);
    for (;;) {
      const done = await this.timed(phaseNames[name], async () => {
        const failure = await this.commands(phase.commands);
        return (await this.commands(phase.finally)) ?? failure;
      });
      if (done) return true;
      if (tries-- <= 0 || this.stop.signal.aborted) return onFailure === "CONTINUE" && !this.stop.signal.aborted;
      this.say(`Phase ${phaseNames[name]} is tried again`);
      this.status = "SUCCEEDED";
      this.phases.pop();
    }
  }

  /** Runs commands until one fails; what CodeBuild says of that one. */
  private async commands(commands: string[]): Promise<string | undefined> {
    const { request } = this;
    for (const command of commands) {
      if (this.stop.signal.aborted) return stopReasons[this.status as keyof typeof stopReasons];
      this.say(`Running command ${command}`);
      this.state.env.CODEBUILD_BUILD_SUCCEEDING = this.status === "SUCCEEDED" ? "1" : "0";
      const { exitCode, background, ...state } = await runCommand(command, this.state, {
        shell: this.spec.env.shell,
        scratch: path.join(request.folder, "tmp"),
        onLine: (line) => this.line(line),
        onGroup: (group, runs) => request.onGroup(group, runs),
        signal: this.stop.signal,
        patience: request.patience,
      });
      this.state = state;
      if (background !== undefined) this.background.add(background);
      if (this.stop.signal.aborted) return stopReasons[this.status as keyof typeof stopReasons];
      if (exitCode !== 0) {
        const first = command.trim().split("\n")[0]!;
        return `COMMAND_EXECUTION_ERROR: Error while executing command: ${first}. Reason: exit status ${exitCode ?? "unknown"}`;
      }
    }
    return undefined;
  }

  private async upload(reports: Report[]): Promise<Record<string, string>> {
    const artifacts: Record<string, string> = {};
    const succeeded = this.status === "SUCCEEDED";
    const noReport = reports.filter(({ status }) => status === "INCOMPLETE");
    await this.timed("UPLOAD_ARTIFACTS", async () => {
      for (const { group, why } of noReport) this.say(`Report ${group}: ${why}`);
      // What a failed build leaves is nobody's input; its reports are read.
      if (!succeeded) return undefined;
      for (const output of this.request.outputs) {
        const spec = this.spec.artifacts?.["secondary-artifacts"][output] ?? this.spec.artifacts;
        if (spec === undefined) return `CLIENT_ERROR: the buildspec makes no artifact ${output}`;
        artifacts[output] = path.join(this.request.folder, "artifacts", output);
        await keepArtifact(this.source, spec, artifacts[output], output);
      }
      return undefined;
    });
    return artifacts;
  }

  private exported(): Record<string, string> {
    const { env } = this.state;
    return Object.fromEntries(this.spec.env["exported-variables"].map((name) => [name, env[name] ?? ""]));
  }

  /** Runs a phase: whether it succeeded. */
  private async timed(phase: PhaseResult["phase"], work: () => Promise<string | undefined>): Promise<boolean> {
    const started = performance.now();
    this.phase = phase;
    this.request.onProgress(phase);
    this.say(`Entering phase ${phase}`);
    const context = await work().catch((error: unknown) => `CLIENT_ERROR: ${messageOf(error)}`);
    if (context !== undefined && this.status === "SUCCEEDED") this.status = "FAILED";
    const status = context === undefined ? "SUCCEEDED" : this.status;
    this.say(`Phase complete: ${phase} State: ${status}`);
    if (context !== undefined) this.say(`Phase context status code: ${context}`);
    this.phases.push({ phase, status, seconds: secondsSince(started), ...(context === undefined ? {} : { context }) });
    return context === undefined;
  }

  private end(status: "TIMED_OUT" | "STOPPED"): void {
    if (this.stop.signal.aborted) return;
    this.status = status;
    this.stop.abort();
  }

  private say(text: string): void {
    const now = new Date().toISOString().replaceAll("-", "/").replace("T", " ").replace("Z", "");
    this.write(`[Container] ${now} ${text}`);
  }

  /** What a process in the background says after the end of its build is heard by nobody. */
  private write(line: string): void {
    if (!this.log.writableEnded) this.log.write(`${line}\n`);
  }

  private line(line: string): void {
    this.write(line);
    if (line.trim() === "") return;
    this.tail.push(line);
    if (this.tail.length > tailLines) this.tail.shift();
    this.request.onProgress(`${this.phase}: ${line.trim().slice(0, 200)}`);
  }
}

const stopReasons = {
  TIMED_OUT: "BUILD_TIMED_OUT: Build has timed out.",
  STOPPED: "USER_CANCELED: Build stopped by user.",
  SUCCEEDED: undefined,
  FAILED: undefined,
};

/** How often a failed phase is tried again: `RETRY` three times, `RETRY-<n>` n times. */
function retries(onFailure: string | undefined): number {
  const [, count] = /^RETRY(?:-(\d+))?/.exec(onFailure ?? "") ?? [];
  if (onFailure?.startsWith("RETRY") !== true) return 0;
  return Math.min(count === undefined ? 3 : Number(count), 100);
}
