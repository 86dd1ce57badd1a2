import { branchEnvironmentName } from "../../branches/name";
import type { DeliverySettings } from "../../settings";
import { commonStages, furtherSources, IMAGES, restartedFrom, testVariables, updateStage } from "./application";
import { definitionOf } from "./definition";
import { buildAction, repositorySource, REPOSITORY } from "./parts";
import { branchPruneSpec, branchUpSpec } from "./specs";
import type { PipelineModel, RepositorySource } from "./types";

/** Branches with other characters get no pipeline: they would mean something in a trigger's pattern. */
const literal = /^(?!-)[\w./+@-]{1,250}$/;

/** Whether a branch can have a pipeline of its own. */
export function canHavePipeline(branch: string): boolean {
  return literal.test(branch) && !branch.includes("..");
}

/** Name of a branch's pipeline: `<pipeline>-b-…`, as its environment is named. */
export const branchPipelineName = (name: string, branch: string) => `${name}-${branchEnvironmentName(branch)}`;

/**
 * The pipelines for branches: one that watches them, and one for each that is there. The watching one is started by a push to any of
 * them, by a pull request that was closed, and every day: it brings the stack `delivery` to the branches that the repository has, and
 * removes what belongs to branches that are gone.
 */
export function branchPipelines(settings: DeliverySettings, name: string): PipelineModel[] {
  const pipeline = settings.pipelines[name]!;
  if (!pipeline.branches) return [];
  const open = [...new Set(settings.openBranches[name] ?? [])].filter(canHavePipeline).sort();
  return [watcher(settings, name), ...open.map((branch) => ofBranch(settings, name, branch))];
}

const templateOf = ({ environments }: DeliverySettings, environment: string) =>
  environments[environment]?.template ?? environment;

function watcher(settings: DeliverySettings, name: string): PipelineModel {
  const { repository, branches } = settings.pipelines[name]!;
  const { include, environment } = branches!;
  const [source, ...definition] = watcherSources(settings, repository);
  const prune = buildAction(
    {
      name: "prune",
      buildspec: branchPruneSpec(templateOf(settings, environment)),
      inputs: [source.artifact],
      role: { kind: "environment", environment },
    },
    settings.build.timeout,
  );
  return {
    name: `${name}-branches`,
    kind: "branches",
    description: `makes and removes the pipelines of ${name}'s branches`,
    sources: [...definition, source],
    triggers: [
      // Also a push to a branch that has its pipeline: a filter names 8 branches at most, and looking changes nothing.
      { on: "push", source: source.name, branches: { includes: include } },
      { on: "pull-request", source: source.name, events: ["CLOSED"], branches: { includes: [source.branch!] } },
      { on: "schedule", every: "1 day" },
    ],
    variables: [restartedFrom],
    executionMode: "SUPERSEDED",
    stages: [updateStage(settings, name), { name: "Prune", actions: [prune] }],
  };
}

/** The watched repository first; then that of Pulumi.delivery.yaml where it is another one, because the update is deployed from there. */
function watcherSources(settings: DeliverySettings, name: string): [RepositorySource, ...RepositorySource[]] {
  const watched = repositorySource(settings, name);
  const definition = definitionOf(settings);
  if (definition === undefined || definition === name) return [watched];
  const names = { name: "Watched", artifact: "watched", namespace: "watched" };
  return [{ ...watched, ...names }, repositorySource(settings, definition)];
}

function ofBranch(settings: DeliverySettings, name: string, branch: string): PipelineModel {
  const pipeline = settings.pipelines[name]!;
  const { environment, ttl } = pipeline.branches!;
  const source = repositorySource(settings, pipeline.repository, branch);
  const own = branchEnvironmentName(branch);
  const template = templateOf(settings, environment);
  const up = buildAction(
    {
      name: "up",
      buildspec: branchUpSpec({ branch, environment: own, template, ttl, images: IMAGES }),
      inputs: [REPOSITORY, IMAGES],
      role: { kind: "environment", environment },
    },
    settings.build.timeout,
  );
  return {
    name: branchPipelineName(name, branch),
    kind: "branch",
    description: `delivers the branch ${branch} of ${pipeline.repository} to an environment of its own`,
    sources: furtherSources(pipeline, name, source),
    triggers: [{ on: "push", source: source.name, branches: { includes: [branch] } }],
    variables: testVariables(pipeline),
    executionMode: "SUPERSEDED",
    stages: [...commonStages(settings, pipeline, { branch: true }), { name: "Deploy", actions: [up] }],
  };
}
