import { mkdir, readFile, writeFile } from "node:fs/promises";
import * as path from "node:path";
import { userError } from "../../errors";
import { processStart } from "../../local/processes";
import {
  pipelinesOf,
  readDeliverySettings,
  deliveryFile,
  type PipelineModel,
  type RepositorySource as RepositoryModel,
} from "../model";
import { findPublished } from "./published";
import { fileOf, type RepositorySource } from "./source";
import {
  createRunFolder,
  endLeft,
  isRunning,
  loadRun,
  newRunId,
  pipelineFolder,
  runIds,
  type ActionRun,
  type PipelineRun,
  type RunSource,
  type StageRun,
} from "./state";
import type { Namespaces } from "./variables";

/** A new run. */
export interface NewRun {
  model: PipelineModel;
  /** The repository and the commit that it is for, and that define the pipelines. */
  source: RepositorySource;
  /** Other repositories on this machine, by their names in the settings. @default none */
  apart?: Readonly<Record<string, RepositorySource>>;
  /** The pipeline's variables; those that are not named have their default. */
  variables: Record<string, string>;
}

/**
 * The pipelines as a commit defines them; for the commit of a repository that has no definition of its own, as the checkout does.
 *
 * @throws user error `DeliveryMissing`, `InvalidSettings`
 */
export async function pipelinesAt(root: string, source: RepositorySource): Promise<PipelineModel[]> {
  const folder = path.join(pipelineFolder(root), "definitions", source.commit);
  await mkdir(folder, { recursive: true });
  for (const name of [deliveryFile, "Pulumi.yaml"]) {
    const text = (await fileOf(source, name)) ?? (name === deliveryFile ? await elsewhere(root, source) : undefined);
    if (text !== undefined) await writeFile(path.join(folder, name), text);
    else if (name === deliveryFile) throw missing(source);
  }
  return pipelinesOf(readDeliverySettings(folder));
}

/** Of several repositories one holds the definition: the checkout, where the commit is another one's. */
async function elsewhere(root: string, { repository }: RepositorySource): Promise<string | undefined> {
  if (path.resolve(root) === repository) return undefined;
  return readFile(path.join(root, deliveryFile), "utf8").catch(() => undefined);
}

function missing({ repository, commit }: RepositorySource) {
  const message = `the commit ${commit.slice(0, 12)} of ${repository} has no file ${deliveryFile}; it says which pipelines there are`;
  return userError("DeliveryMissing", message, "add it and commit it, or name another commit: --revision");
}

/**
 * A pipeline by its name.
 *
 * @throws user error `PipelineUnknown`
 */
export function findPipeline(models: readonly PipelineModel[], name: string): PipelineModel {
  const found = models.find((model) => model.name === name);
  if (found) return found;
  const names = models.map((model) => model.name).join(", ") || "none";
  throw userError("PipelineUnknown", `there is no pipeline "${name}"; there are: ${names}`, "tributary pipeline show");
}

/**
 * Begins a run of a pipeline, without any of its stages.
 *
 * @throws user error `NothingPublished`, `PipelineBusy`, `PipelineSourceUnknown`
 */
export async function beginRun(root: string, given: NewRun): Promise<PipelineRun> {
  const { model, source, variables } = given;
  const before = await runIds(root, model.name);
  if (before.length > 0) await settle(await loadRun(root, model.name).catch(() => undefined));
  const sources: Record<string, RunSource> = {};
  for (const each of model.sources) {
    sources[each.artifact] =
      each.kind === "repository" ? repositoryOf(given, each) : await findPublished(root, each.key, each.pipeline);
  }
  const defined = Object.values(sources).includes(source);
  const id = newRunId();
  const run: PipelineRun = {
    version: 1,
    id,
    number: before.length + 1,
    pipeline: model.name,
    status: "RUNNING",
    startedAt: new Date().toISOString(),
    seconds: 0,
    sources,
    ...(defined ? {} : { definition: source }),
    namespaces: firstNamespaces(id, model, sources, variables),
    artifacts: {},
    stages: model.stages.map(({ name, actions }) => ({
      name,
      status: "PENDING",
      tries: 0,
      actions: actions.map((action) => ({ name: action.name, kind: action.kind, status: "PENDING" })),
    })),
    groups: [],
    owner: await self(),
    model,
  };
  skipUpdates(run);
  await createRunFolder(root, run);
  return run;
}

/** Where a source is on this machine. */
function repositoryOf({ model, source, apart = {} }: NewRun, { apart: name, repository }: RepositoryModel) {
  if (name === undefined) return source;
  const found = apart[name];
  if (found) return found;
  const message = `the pipeline ${model.name} takes its source from the repository ${name} (${repository}), and nothing says where that is on this machine`;
  const next = `tributary pipeline run ${model.name} --local --repository ${name}=<folder of a checkout>`;
  throw userError("PipelineSourceUnknown", message, next);
}

async function self() {
  return { pid: process.pid, start: (await processStart(process.pid)) ?? "" };
}

function firstNamespaces(
  id: string,
  model: PipelineModel,
  sources: Record<string, RunSource>,
  variables: Record<string, string>,
): Namespaces {
  const own = model.variables.map(({ name, default: value }) => [name, variables[name] ?? value] as const);
  const ofSources = model.sources.map(({ artifact, namespace }) => {
    const source = sources[artifact]!;
    const values =
      source.kind === "published"
        ? { VersionId: source.revision }
        : { CommitId: source.commit, BranchName: source.branch, RepositoryName: path.basename(source.repository) };
    return [namespace, values] as const;
  });
  const others = { variables: Object.fromEntries(own), codepipeline: { PipelineExecutionId: id } };
  return { ...Object.fromEntries(ofSources), ...others };
}

/** The definition is read from the commit itself: there is nothing that a pipeline would have to update here. */
function skipUpdates(run: PipelineRun): void {
  run.model.stages.forEach(({ actions }, index) => {
    const stage = run.stages[index]!;
    actions.forEach((action, at) => {
      if (action.kind !== "build" || action.role.kind !== "update") return;
      const why = "the pipeline was read from this commit; on AWS this step acts on the delivery stack";
      Object.assign(stage.actions[at]!, { status: "SKIPPED", why } satisfies Partial<ActionRun>);
      const exported = action.buildspec.env?.["exported-variables"] ?? [];
      if (action.namespace)
        run.namespaces[action.namespace] = Object.fromEntries(exported.map((name) => [name, "false"]));
    });
    if (stage.actions.every(({ status }) => status === "SKIPPED")) stage.status = "SKIPPED";
  });
}

/** What a person goes on with. */
export interface Resumption {
  /** @default the last run */
  id?: string;
  /** Stage to begin with. @default the first that has not succeeded */
  from?: string;
}

/**
 * Takes up a run that failed, was stopped, or waits: with the commit, the artifacts and the variables that it has.
 *
 * @throws user error `PipelineRunUnknown`, `PipelineStageUnknown`, `PipelineRunOver`, `PipelineBusy`
 */
export async function resumeRun(root: string, pipeline: string, { id, from }: Resumption): Promise<PipelineRun> {
  const run = await loadRun(root, pipeline, id);
  await settle(run);
  const first = from === undefined ? run.stages.findIndex(({ status }) => !over(status)) : indexOf(run, from);
  if (first < 0) {
    const message = `the run ${run.id} of ${pipeline} has come to its end; every stage succeeded`;
    throw userError("PipelineRunOver", message, `name a stage: --from ${run.stages.at(-1)?.name ?? "STAGE"}`);
  }
  const notReached = run.stages.slice(0, first).filter(({ status }) => !over(status));
  if (notReached.length > 0) {
    const message = `stage ${from} needs what ${notReached.map(({ name }) => name).join(", ")} make, and these have not succeeded in the run ${run.id}`;
    throw userError("PipelineStageEarly", message, `--from ${notReached[0]!.name}`);
  }
  run.stages.slice(first).forEach((stage, index) => again(stage, from !== undefined || index > 0));
  skipUpdates(run);
  delete run.endedAt;
  run.owner = await self();
  return run;
}

const over = (status: StageRun["status"]) => status === "SUCCEEDED" || status === "SKIPPED";

/** @param all its actions, not only those that did not succeed */
function again(stage: StageRun, all: boolean): void {
  stage.status = "PENDING";
  stage.tries = 0;
  delete stage.why;
  stage.actions = stage.actions.map((action) =>
    !all && action.status === "SUCCEEDED" ? action : { name: action.name, kind: action.kind, status: "PENDING" },
  );
}

function indexOf(run: PipelineRun, from: string): number {
  const index = run.stages.findIndex(({ name }) => name === from);
  if (index >= 0) return index;
  const message = `the pipeline ${run.pipeline} has no stage "${from}"; it has: ${run.stages.map(({ name }) => name).join(", ")}`;
  throw userError("PipelineStageUnknown", message, `tributary pipeline show ${run.pipeline}`);
}

/** Ends what a killed run has left; a run that is still going is left alone. */
async function settle(run: PipelineRun | undefined): Promise<void> {
  if (run === undefined) return;
  if (run.status === "RUNNING" && (await isRunning(run))) {
    const message = `the pipeline ${run.pipeline} runs already: run ${run.id}, process ${run.owner?.pid}`;
    throw userError("PipelineBusy", message, "wait for its end, or stop it with Ctrl-C where it was started");
  }
  await endLeft(run);
}
