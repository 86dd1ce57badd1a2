import { minimatch } from "minimatch";
import { readFile } from "node:fs/promises";
import * as path from "node:path";
import { parseDocument } from "yaml";
import { TributaryError } from "../../errors";
import { writeWhole } from "../../local/files";
import type { DeliverySettings } from "../../settings";
import type { ResourceChange } from "../../stacks/progress";
import { canHavePipeline, deliveryFile } from "../model";

export { remoteHeads, remotesOf } from "./remotes";

/** Branches of a repository that get a pipeline, and those that match but cannot. */
export interface OpenBranches {
  branches: string[];
  /** Names with characters that would mean something in a trigger's pattern. */
  refused: string[];
}

/** Most branches with a pipeline of their own: a stack of thousands of resources would take longer than any build. */
const most = 50;

/**
 * Which of a repository's branches get a pipeline.
 *
 * @param heads all branches of the remote
 * @param include patterns of the settings
 */
export function openBranches(heads: readonly string[], include: readonly string[]): OpenBranches {
  const matching = heads.filter((head) => include.some((pattern) => minimatch(head, pattern, { dot: true })));
  const branches = matching.filter(canHavePipeline).sort();
  const refused = matching.filter((branch) => !canHavePipeline(branch));
  return { branches: branches.slice(0, most), refused: [...refused, ...branches.slice(most)] };
}

/**
 * Writes into the settings file which branches have a pipeline; comments and order stay. Also that there are none: what the file does not
 * tell is kept as the last deployment had it.
 *
 * @param open by pipeline
 * @returns whether it changed
 */
export async function writeOpenBranches(root: string, open: Record<string, string[]>): Promise<boolean> {
  const file = path.join(root, deliveryFile);
  const text = await readFile(file, "utf8");
  const document = parseDocument(text);
  const place = ["config", "tributary:openBranches"];
  document.setIn(place, document.createNode(open));
  const written = document.toString({ lineWidth: 0 });
  if (written === text) return false;
  await writeWhole(file, written);
  return true;
}

/** Pipelines of the settings that have pipelines for branches, with what their branches are called. */
export function branchPatterns({ pipelines }: DeliverySettings): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(pipelines).flatMap(([name, { branches }]) => (branches ? [[name, branches.include] as const] : [])),
  );
}

/**
 * Whether a deployment changed the structure of one pipeline: an execution that began with the old one goes on with neither. New
 * buildspecs alone change nothing in it: every build takes the project as it is when it starts.
 */
export function structureChanged(resources: readonly ResourceChange[], pipeline: string): boolean {
  return resources.some(
    ({ operation, type, name }) =>
      type === "aws:codepipeline/pipeline:Pipeline" &&
      name === `delivery-${pipeline}-pipeline` &&
      operation !== "same" &&
      operation !== "create",
  );
}

/** An execution that updates its own pipeline. */
export interface RunningExecution {
  /** Physical name of the pipeline. */
  pipeline: string;
  execution: string;
  commit: string;
  /** The execution that this one was started in place of; undefined: it was not. */
  restartedFrom: string | undefined;
}

/** What is asked of CodePipeline; given, so that tests need no AWS. */
export interface RestartClient {
  start(execution: RunningExecution): Promise<string>;
  stop(execution: RunningExecution, reason: string): Promise<void>;
}

/**
 * Starts an execution again from the same commit after its pipeline has changed, and ends this one. Once: an execution that was started
 * in this way and changes its pipeline again would go on for ever.
 *
 * @returns the id of the new one
 * @throws TributaryError `PipelineUnsettled` for the second time
 */
export async function restart(client: RestartClient, running: RunningExecution): Promise<string> {
  const { pipeline, execution, restartedFrom, commit } = running;
  if (restartedFrom !== undefined) {
    const message = `${pipeline} was started again because it had changed (${restartedFrom}), and the same commit ${commit} changes it once more: its definition is not the same twice`;
    throw new TributaryError(message, {
      code: "PipelineUnsettled",
      next: "run tributary plan delivery twice at that commit and look at what differs",
    });
  }
  const started = await client.start(running);
  await client.stop(
    running,
    `the pipeline has changed; execution ${started} goes on from the same commit ${execution}`.slice(0, 200),
  );
  return started;
}
