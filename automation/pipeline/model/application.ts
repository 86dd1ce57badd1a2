import type { DeliverySettings, PipelineSettings } from "../../settings";
import { updatesPipelines } from "./definition";
import { buildAction, repositorySource, REPOSITORY, waveStages, type DeliveryOf } from "./parts";
import { imagesSpec, layerSpec, lintSpec, testSpec, updateSpec } from "./specs";
import type { BuildAction, PipelineModel, PublishedSource, RepositorySource, StageModel, TriggerModel } from "./types";

/** Name of the pipeline of a pipeline's common layer. */
export const layerPipelineName = (name: string) => `${name}-layer`;

/** Artifact with the digest of the layer image, and the key that it is published under. */
const LAYER = "layer";
const layerKey = (name: string) => `published/${layerPipelineName(name)}.zip`;

/** Artifact with the digests of all images. */
export const IMAGES = "images";

/**
 * The pipeline of the common layer: source -> build -> publish digest. The digest's new version starts the application's pipeline.
 *
 * @returns undefined for a pipeline without a layer of its own
 */
export function layerPipeline(settings: DeliverySettings, name: string): PipelineModel | undefined {
  const pipeline = settings.pipelines[name]!;
  if (pipeline.layer === false) return undefined;
  const { repository: own } = pipeline.layer;
  const source: RepositorySource =
    own === undefined
      ? repositorySource(settings, pipeline.repository)
      : { ...repositorySource(settings, own), apart: own };
  const build = buildAction(
    {
      name: "layer",
      buildspec: layerSpec(),
      outputs: [LAYER],
      role: { kind: own === undefined ? "images" : "layer" },
      compute: "medium",
      privileged: true,
    },
    settings.build.timeout,
  );
  return {
    name: layerPipelineName(name),
    kind: "layer",
    description: `builds the layer image of ${name} and publishes its digest`,
    sources: [source],
    triggers: pushTriggers(source.name, source.branch, { includes: pipeline.layer.paths }),
    variables: [],
    // Only the newest layer is of any use.
    executionMode: "SUPERSEDED",
    stages: [
      { name: "Build", actions: [build], retry: { mode: "FAILED_ACTIONS" } },
      {
        name: "Publish",
        actions: [{ kind: "publish", name: "publish", runOrder: 1, input: LAYER, key: layerKey(name) }],
      },
    ],
  };
}

/** Whether the layer has a repository of its own, so that images are built from what its pipeline published. */
/** Whether the layer comes from a repository of its own, and with it as an image that is there already. */
export const hasOwnLayer = ({ layer }: PipelineSettings) => layer !== false && layer.repository !== undefined;

/** What the layer's pipeline published last. */
const published = (name: string): PublishedSource => ({
  kind: "published",
  name: "Layer",
  artifact: LAYER,
  namespace: "published",
  pipeline: layerPipelineName(name),
  key: layerKey(name),
});

/** Sources of a pipeline that an application has beside its own: those of its tags and of its branches. */
export function furtherSources(pipeline: PipelineSettings, name: string, source: RepositorySource) {
  return [...(hasOwnLayer(pipeline) ? [published(name)] : []), source];
}

/**
 * The pipeline of an application: layer digest and repository -> update itself -> test, lint and build images side by side -> for each
 * wave: plan -> gate -> deploy -> verify.
 */
export function applicationPipeline(settings: DeliverySettings, name: string): PipelineModel {
  const pipeline = settings.pipelines[name]!;
  const source = repositorySource(settings, pipeline.repository);
  const layer = pipeline.layer === false ? [] : [published(name)];
  return {
    name,
    kind: "application",
    description: `delivers ${pipeline.repository} to ${pipeline.waves.map((wave) => wave.join(" and ")).join(", then ")}`,
    sources: [...layer, source],
    triggers: [
      ...pushTriggers(source.name, source.branch, {
        ...(pipeline.paths ? { includes: pipeline.paths } : {}),
        // They start the layer's pipeline, whose digest then starts this one: once, not twice.
        ...(pipeline.layer === false || hasOwnLayer(pipeline) ? {} : { excludes: pipeline.layer.paths }),
      }),
      ...layer.map((each) => ({ on: "published" as const, source: each.name })),
    ],
    variables: [...testVariables(pipeline), ...(updatesPipelines(settings, name) ? [restartedFrom] : [])],
    executionMode: pipeline.mode,
    stages: [
      ...(updatesPipelines(settings, name) ? [updateStage(settings, name)] : []),
      ...commonStages(settings, pipeline),
      ...deliveryStages(settings, pipeline),
    ],
  };
}

function pushTriggers(source: string, branch: string | undefined, paths: { includes?: string[]; excludes?: string[] }) {
  const filter = Object.keys(paths).length > 0 ? { paths } : {};
  const trigger: TriggerModel = {
    on: "push",
    source,
    ...(branch === undefined ? {} : { branches: { includes: [branch] } }),
    ...filter,
  };
  return [trigger];
}

/** CodePipeline takes no empty default. */
export const restartedFrom = {
  name: "RESTARTED_FROM",
  default: "none",
  description: "The execution that this one was started in place of, because it changed the pipeline",
};

/** Variables of a pipeline that tests. */
export function testVariables({ test }: PipelineSettings) {
  return [{ name: "TEST_COMMAND", default: test.command, description: "What the tests are run with" }];
}

/**
 * The pipeline brings itself to what the commit says before anything else is built. The step needs the checkout and its dependencies, and
 * nothing that the application's build could break; the pipelines' definition holds no digest, so a new image changes nothing in it.
 */
export function updateStage(settings: DeliverySettings, name: string): StageModel {
  const update = buildAction(
    {
      name: "update",
      buildspec: updateSpec(name),
      variables: {
        EXECUTION: "#{codepipeline.PipelineExecutionId}",
        COMMIT: "#{source.CommitId}",
        RESTARTED_FROM: "#{variables.RESTARTED_FROM}",
      },
      namespace: "update",
      role: { kind: "update" },
    },
    settings.build.timeout,
  );
  return { name: "Update", actions: [update] };
}

/** Tests, checks and images, side by side: whichever fails, nothing is deployed. */
export function commonStages(
  settings: DeliverySettings,
  pipeline: PipelineSettings,
  { branch = false }: { branch?: boolean } = {},
): StageModel[] {
  const images = buildAction(
    {
      name: "images",
      buildspec: imagesSpec(pipeline.scan, { branch, layer: hasOwnLayer(pipeline) ? LAYER : undefined }),
      inputs: [REPOSITORY, ...(hasOwnLayer(pipeline) ? [LAYER] : [])],
      outputs: [IMAGES],
      role: { kind: "images" },
      compute: "large",
      privileged: true,
    },
    settings.build.timeout,
  );
  return [{ name: "Build", actions: [...testActions(pipeline), images] }];
}

/** What looks at a commit and makes nothing of it. */
export function testActions({ test }: PipelineSettings): BuildAction[] {
  const tests = buildAction(
    {
      name: "test",
      buildspec: testSpec(test),
      variables: { TEST_COMMAND: "#{variables.TEST_COMMAND}" },
      role: { kind: "test" },
      compute: test.compute,
    },
    test.timeout,
  );
  const lint = buildAction({ name: "lint", buildspec: lintSpec(), role: { kind: "test" } }, test.timeout);
  return [tests, lint];
}

function deliveryStages(settings: DeliverySettings, pipeline: PipelineSettings): StageModel[] {
  const { timeout } = settings.build;
  const of: DeliveryOf = { settings, pipeline, timeout, images: IMAGES };
  return pipeline.waves.flatMap((wave, index) =>
    waveStages(of, wave.length === 1 ? wave[0]! : `wave${index + 1}`, wave),
  );
}
