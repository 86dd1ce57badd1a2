import { rm } from "node:fs/promises";
import * as path from "node:path";
import { toSeconds } from "../../../components/units";
import { TributaryError } from "../../errors";
import { processStart } from "../../local/processes";
import { buildspecText } from "../model";
import type { BuildAction, PublishAction } from "../model";
import { runBuild } from "./build";
import type { BuildResult } from "./buildTypes";
import { BuildCache, noCache } from "./cache";
import { publish } from "./published";
import { cloneSource, copyArtifact, seedModules } from "./source";
import { pipelineFolder, runFolder, saveRun, type PipelineRun } from "./state";
import { resolveText } from "./variables";

/** What actions of a run have in common. */
export interface ActionContext {
  /** The checkout that the run was started in. */
  root: string;
  run: PipelineRun;
  signal: AbortSignal;
  /** Variables that a person gave for builds. */
  variables: Record<string, string>;
  /** Environments of the pipeline. */
  environments: string[];
  /** Every build begins as on a new machine, without a cache. */
  fresh: boolean;
  /** Time for a stopped command to end by itself (ms). */
  patience: number;
  onProgress(message: string): void;
}

const region = "us-east-1";
const account = "000000000000";

/** Runs the build of an action; what it exports and its artifacts belong to the run from then on. */
export async function runBuildAction(context: ActionContext, stage: string, action: BuildAction): Promise<BuildResult> {
  const { root, run } = context;
  const folder = path.join(runFolder(root, run.pipeline, run.id), "actions", `${stage}.${action.name}`);
  await rm(folder, { recursive: true, force: true });
  const [primary, ...others] = action.inputs;
  const result = await runBuild({
    project: `${run.pipeline}-${action.project}`,
    buildspec: buildspecText(action.buildspec),
    identity: { pipeline: run.pipeline, number: run.number, region, account, ...sourceOf(run) },
    variables: { ...localVariables(action), ...resolved(context, action), ...given(context, action), ...always },
    source: (to) => prepare(context, primary, to),
    secondary: Object.fromEntries(others.map((name) => [name, artifactFolder(run, name)])),
    outputs: action.outputs,
    folder,
    cache: context.fresh
      ? noCache
      : new BuildCache(path.join(pipelineFolder(root), "cache"), (clone) => seedModules(root, clone)),
    timeout: toSeconds(action.timeout, `timeout of ${action.name}`),
    signal: context.signal,
    patience: context.patience,
    onProgress: context.onProgress,
    onGroup: (group, runs) => void note(context, group, runs),
  });
  if (action.namespace !== undefined) run.namespaces[action.namespace] = result.exported;
  Object.assign(run.artifacts, result.artifacts);
  // What a failed build leaves can be looked at.
  if (result.status === "SUCCEEDED") await rm(path.join(folder, "src"), { recursive: true, force: true });
  return result;
}

/** How a build knows that it is on a person's machine, and that no profile of AWS is to be looked for. */
const always = {
  TRIBUTARY_PIPELINE: "local",
  AWS_CONFIG_FILE: "/dev/null",
  AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
  AWS_EC2_METADATA_DISABLED: "true",
};

/** Images stay in the registry of the local AWS. */
function localVariables({ buildspec }: BuildAction): Record<string, string> {
  return buildspec.env?.variables?.IMAGES_FLAGS === undefined ? {} : { IMAGES_FLAGS: "" };
}

function resolved({ run }: ActionContext, { name, variables }: BuildAction): Record<string, string> {
  const entries = Object.entries(variables);
  return Object.fromEntries(
    entries.map(([key, text]) => [key, resolveText(text, run.namespaces, `the action ${name}`)]),
  );
}

/** A person's variables go to the builds that know them. */
function given({ variables }: ActionContext, { buildspec }: BuildAction): Record<string, string> {
  const known = buildspec.env?.variables ?? {};
  return Object.fromEntries(Object.entries(variables).filter(([name]) => Object.hasOwn(known, name)));
}

function sourceOf({ sources }: PipelineRun) {
  const repository = Object.values(sources).find((source) => source.kind === "repository");
  return { revision: repository?.commit ?? "", repository: repository?.repository ?? "" };
}

async function prepare({ root, run, environments }: ActionContext, artifact: string | undefined, to: string) {
  const source = artifact === undefined ? undefined : run.sources[artifact];
  if (source?.kind !== "repository") return copyArtifact(artifactFolder(run, artifact ?? ""), to);
  await cloneSource(root, source, to, environments);
}

function artifactFolder(run: PipelineRun, name: string): string {
  const source = run.sources[name];
  const folder = source?.kind === "published" ? source.folder : run.artifacts[name];
  if (folder !== undefined) return folder;
  throw new TributaryError(`there is no artifact "${name}" in the run ${run.id}: no action before has made it`, {
    code: "ArtifactMissing",
    next: `tributary pipeline run ${run.pipeline} --local, from the first stage`,
  });
}

/** Writes down whose processes run, so that the next command can end them if this one is killed. */
async function note({ root, run }: ActionContext, group: number, runs: boolean): Promise<void> {
  const start = runs ? await processStart(group) : undefined;
  run.groups = run.groups.filter((each) => each.group !== group);
  if (start !== undefined) run.groups.push({ group, start });
  // A write that fails is told by the next one that somebody waits for.
  await saveRun(root, run).catch(() => undefined);
}

/** Publishes an artifact for other pipelines. */
export async function runPublishAction({ root, run }: ActionContext, { input, key }: PublishAction): Promise<void> {
  await publish(root, key, artifactFolder(run, input));
}
