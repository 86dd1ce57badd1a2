import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import * as path from "node:path";
import { userError } from "../../errors";
import { writeWhole } from "../../local/files";
import { processStart } from "../../local/processes";
import { workFolder } from "../../stacks/environments";
import type { PipelineModel } from "../model/types";
import type { BuildResult } from "./buildTypes";
import { endGroup } from "./shell";
import type { Namespaces } from "./variables";

/** How an action stands. */
export interface ActionRun {
  name: string;
  kind: "build" | "approval" | "publish";
  status: "PENDING" | "RUNNING" | "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "STOPPED" | "SKIPPED" | "WAITING";
  seconds?: number;
  /** Why it failed or was skipped, what an approval is about. */
  why?: string;
  /** Only of builds. */
  build?: BuildResult;
  /** Who approved it. */
  approvedBy?: string;
}

/** How a stage stands. */
export interface StageRun {
  name: string;
  status: "PENDING" | "RUNNING" | "SUCCEEDED" | "FAILED" | "STOPPED" | "SKIPPED" | "WAITING";
  seconds?: number;
  why?: string;
  /** How often it was begun. */
  tries: number;
  actions: ActionRun[];
}

/** A run of a pipeline on this machine: all that is needed to go on with it. */
export interface PipelineRun {
  version: 1;
  id: string;
  /** How many runs of the pipeline there were, this one included. */
  number: number;
  pipeline: string;
  status: "RUNNING" | "SUCCEEDED" | "FAILED" | "STOPPED" | "WAITING";
  startedAt: string;
  endedAt?: string;
  /** Time that it really ran; a wait for a person is not in it. */
  seconds: number;
  /** By artifact: what every source is. */
  sources: Record<string, RunSource>;
  /** The repository and the commit that define the pipelines, where that is none of the sources. */
  definition?: Extract<RunSource, { kind: "repository" }>;
  namespaces: Namespaces;
  /** Folders of artifacts, by name. */
  artifacts: Record<string, string>;
  stages: StageRun[];
  /** Processes that are worked in, to be ended if this run is killed. */
  groups: { group: number; start: string }[];
  /** The process that runs it. */
  owner?: { pid: number; start: string };
  /** As the commit defined it. */
  model: PipelineModel;
}

/** What a run starts from. */
export type RunSource =
  | { kind: "repository"; repository: string; commit: string; branch: string }
  | { kind: "published"; folder: string; revision: string };

/** Runs that are kept of each pipeline. */
const kept = 20;

const safe = (name: string) => encodeURIComponent(name).replaceAll(".", "%2E");

/** Folder of everything that pipelines leave in a checkout. */
export function pipelineFolder(root: string): string {
  return path.join(workFolder(root), "pipeline");
}

/** Folder of a run. */
export function runFolder(root: string, pipeline: string, id: string): string {
  return path.join(pipelineFolder(root), "runs", safe(pipeline), safe(id));
}

/** Writes in progress, by file: actions that run side by side write the same one. */
const writing = new Map<string, Promise<void>>();

/** Writes how a run stands; a reader sees the old text or the new one. */
export async function saveRun(root: string, run: PipelineRun): Promise<void> {
  const file = path.join(runFolder(root, run.pipeline, run.id), "run.json");
  const write = (writing.get(file) ?? Promise.resolve()).then(() =>
    writeWhole(file, JSON.stringify(run, null, 1), 0o600),
  );
  // Who comes next waits for this one, and does not fail because it failed.
  writing.set(
    file,
    write.catch(() => undefined),
  );
  await write;
}

/** The ids of a pipeline's runs, the newest first. */
export async function runIds(root: string, pipeline: string): Promise<string[]> {
  const names = await readdir(path.join(pipelineFolder(root), "runs", safe(pipeline))).catch(() => []);
  return names.map(decodeURIComponent).sort().reverse();
}

/**
 * A run as it was left.
 *
 * @param id @default the last one
 * @throws user error `PipelineRunUnknown`
 */
export async function loadRun(root: string, pipeline: string, id?: string): Promise<PipelineRun> {
  const ids = await runIds(root, pipeline);
  const found = id === undefined ? ids[0] : ids.find((each) => each === id);
  const text =
    found && (await readFile(path.join(runFolder(root, pipeline, found), "run.json"), "utf8").catch(() => undefined));
  if (text) return JSON.parse(text) as PipelineRun;
  const there = ids.length === 0 ? "there is none yet" : `there are: ${ids.slice(0, 5).join(", ")}`;
  const message = `${id === undefined ? "no run" : `no run "${id}"`} of the pipeline ${pipeline} can be gone on with; ${there}`;
  throw userError("PipelineRunUnknown", message, `tributary pipeline run ${pipeline} --local`);
}

/** Removes all but the newest runs, and the folders of runs that were never written down. */
export async function removeOldRuns(root: string, pipeline: string): Promise<void> {
  for (const id of (await runIds(root, pipeline)).slice(kept)) {
    await rm(runFolder(root, pipeline, id), { recursive: true, force: true });
  }
}

/** A new run's id: sorts by time. */
export function newRunId(now = new Date()): string {
  return now
    .toISOString()
    .replace(/[-:]/g, "")
    .replace(/\.(\d+)Z$/, "-$1");
}

/** Whether the process that ran it is still there. */
export async function isRunning({ owner }: PipelineRun): Promise<boolean> {
  return owner !== undefined && (await processStart(owner.pid)) === owner.start;
}

/** Ends what a run that was killed has left running: only those very processes. */
export async function endLeft(run: PipelineRun): Promise<void> {
  for (const { group, start } of run.groups) {
    if ((await processStart(group)) === start) await endGroup(group, 0);
  }
  run.groups = [];
}

/** Makes the folder of a run. */
export async function createRunFolder(root: string, run: PipelineRun): Promise<void> {
  await mkdir(runFolder(root, run.pipeline, run.id), { recursive: true, mode: 0o700 });
  await saveRun(root, run);
}
