import { availableParallelism } from "node:os";
import type { CommandContext } from "../../commands/context";
import { userError } from "../../errors";
import type { PipelineModel } from "../model";
import { environmentsOf } from "./environments";
import { execute, type ExecuteOptions } from "./execute";
import { hasChanges, type RepositorySource } from "./source";
import { beginRun } from "./start";
import { removeOldRuns, type PipelineRun } from "./state";

export { findSource, type RepositorySource } from "./source";
export { beginRun, findPipeline, pipelinesAt, resumeRun, type NewRun, type Resumption } from "./start";
export { loadRun, runFolder, runIds, type ActionRun, type PipelineRun, type StageRun } from "./state";
export { execute, type ExecuteOptions } from "./execute";

/** What a person asks of a local run, beside the pipeline. */
export interface LocalRunOptions extends Pick<ExecuteOptions, "approve" | "ask" | "who"> {
  /** Variables of pipelines and of builds, by name. */
  variables: Record<string, string>;
  /** Does not start pipelines whose source is what this one publishes. */
  alone: boolean;
  /** Builds get nothing that earlier ones left: no packages, no cache. @default false */
  fresh?: boolean;
  /** Most builds at a time. @default one for each processor, at least two */
  parallel?: number;
  /** Time for a stopped command to end by itself (ms). */
  patience: number;
  /** A run begins. */
  onRun?(run: PipelineRun): void;
}

/**
 * Runs pipelines on this machine: the one that is given, and when it succeeded those that what it published starts.
 *
 * @param first the run to begin or to go on with
 * @param models all pipelines of the commit
 * @returns the runs, the last one is the one that decides
 */
export async function runLocally(
  context: CommandContext,
  first: PipelineRun,
  models: readonly PipelineModel[],
  source: RepositorySource,
  options: LocalRunOptions,
): Promise<PipelineRun[]> {
  const runs: PipelineRun[] = [];
  const waiting = [first];
  for (let run = waiting.shift(); run !== undefined; run = waiting.shift()) {
    options.onRun?.(run);
    runs.push(await execute(context, run, executeOptions(run, options)));
    await removeOldRuns(context.root, run.pipeline);
    if (run.status !== "SUCCEEDED") break;
    if (options.alone) continue;
    for (const model of startedBy(run, models)) {
      context.sink({ type: "message", level: "info", text: `${run.pipeline} has published: ${model.name} starts` });
      waiting.push(await beginRun(context.root, { model, source, variables: ofPipeline(model, options.variables) }));
    }
  }
  return runs;
}

function executeOptions(run: PipelineRun, options: LocalRunOptions): ExecuteOptions {
  const { approve, ask, who, variables, fresh = false, patience } = options;
  const parallel = options.parallel ?? Math.max(2, availableParallelism());
  return {
    approve,
    ...(ask ? { ask } : {}),
    who,
    variables,
    fresh,
    patience,
    parallel,
    environments: environmentsOf(run.model),
  };
}

function startedBy({ model }: PipelineRun, models: readonly PipelineModel[]): PipelineModel[] {
  return models.filter(({ sources, triggers }) =>
    sources.some(
      (source) =>
        source.kind === "published" &&
        source.pipeline === model.name &&
        triggers.some((trigger) => trigger.on === "published" && trigger.source === source.name),
    ),
  );
}

/** The variables that a pipeline has. */
export function ofPipeline({ variables }: PipelineModel, given: Record<string, string>): Record<string, string> {
  const names = variables.map(({ name }) => name);
  return Object.fromEntries(Object.entries(given).filter(([name]) => names.includes(name)));
}

/**
 * Checks names of variables.
 *
 * @throws user error `PipelineVariableUnknown`
 */
export function checkVariables(models: readonly PipelineModel[], given: Record<string, string>): void {
  const known = models.flatMap(({ variables, stages }) => [
    ...variables.map(({ name }) => name),
    ...stages.flatMap(({ actions }) =>
      actions.flatMap((action) => (action.kind === "build" ? Object.keys(action.buildspec.env?.variables ?? {}) : [])),
    ),
  ]);
  const unknown = Object.keys(given).filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  throw userError(
    "PipelineVariableUnknown",
    `no pipeline and no build has a variable ${unknown.join(", ")}; there are: ${[...new Set(known)].sort().join(", ")}`,
    "correct the name",
  );
}

/** Says that a run is for the commit, not for what lies in the checkout. */
export async function tellChanges({ sink }: CommandContext, { repository, commit }: RepositorySource): Promise<void> {
  if (!(await hasChanges(repository))) return;
  const text = `${repository} has changes that no commit holds; the pipeline runs commit ${commit.slice(0, 12)} without them`;
  sink({ type: "message", level: "warning", text });
}
