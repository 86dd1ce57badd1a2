import type { DeliverySettings } from "../../settings";
import { commonStages, furtherSources, IMAGES, testVariables } from "./application";
import { buildAction, repositorySource, waveStages } from "./parts";
import { tagSpec } from "./specs";
import { releaseTagPatterns } from "./tags";
import type { PipelineModel } from "./types";

/** Name of the pipeline that a release tag of an environment starts. */
export const releasePipelineName = (name: string, environment: string) => `${name}-release-${environment}`;

/**
 * The pipelines that tags of the form `<env>_<region>/<team>/<version>` start: one for each environment, so that its builds may act in
 * that environment and nowhere else, whatever the tag says.
 */
export function releasePipelines(settings: DeliverySettings, name: string): PipelineModel[] {
  const pipeline = settings.pipelines[name]!;
  return pipeline.tags ? pipeline.waves.flat().map((environment) => release(settings, name, environment)) : [];
}

function release(settings: DeliverySettings, name: string, environment: string): PipelineModel {
  const pipeline = settings.pipelines[name]!;
  const team = pipeline.team ?? name;
  const source = repositorySource(settings, pipeline.repository);
  const { timeout } = settings.build;
  const tag = buildAction(
    {
      name: "tag",
      buildspec: tagSpec(environment, team),
      variables: { RELEASE_TAG: "#{variables.RELEASE_TAG}" },
      namespace: "tag",
      role: { kind: "test" },
    },
    timeout,
  );
  const variables = { REGION_FLAGS: "#{tag.REGION_FLAGS}" };
  const of = { settings, pipeline, timeout, images: IMAGES, regional: true, variables };
  return {
    name: releasePipelineName(name, environment),
    kind: "release",
    description: `delivers what a tag ${environment}_<region>/${team}/<version> names, to that region of ${environment} alone`,
    sources: furtherSources(pipeline, name, source),
    triggers: [{ on: "push", source: source.name, tags: { includes: releaseTagPatterns(environment, team) } }],
    variables: [
      ...testVariables(pipeline),
      // CodePipeline takes no empty default.
      { name: "RELEASE_TAG", default: "none", description: "The tag that is meant, where the commit has several" },
    ],
    executionMode: "QUEUED",
    stages: [
      { name: "Tag", actions: [tag] },
      ...commonStages(settings, pipeline),
      ...waveStages(of, environment, [environment]),
    ],
  };
}
