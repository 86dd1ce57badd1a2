import type { DeliverySettings } from "../../settings";
import { hasOwnLayer, testActions, testVariables } from "./application";
import { buildAction, repositorySource } from "./parts";
import { buildCheckSpec } from "./specs";
import type { BuildAction, PipelineModel } from "./types";

/**
 * The pipeline that looks at open pull requests. Nobody has reviewed that code, so its builds may do nothing but write log and reports:
 * they take no role, push nothing, open no state, cannot log in to the repository, and share neither role nor artifacts with builds that
 * deliver.
 *
 * @returns undefined for a pipeline whose settings do not ask for it
 */
export function checksPipeline(settings: DeliverySettings, name: string): PipelineModel | undefined {
  const pipeline = settings.pipelines[name]!;
  const { repository, pullRequests, paths } = pipeline;
  if (pullRequests === false) return undefined;
  const source = { ...repositorySource(settings, repository), archive: true as const };
  const targets = pullRequests === true ? [source.branch!] : pullRequests.targets;
  const images = buildAction(
    {
      name: "images",
      buildspec: buildCheckSpec(),
      role: { kind: "test" },
      compute: "large",
      privileged: true,
    },
    settings.build.timeout,
  );
  return {
    name: `${name}-checks`,
    kind: "checks",
    description: `tests and builds pull requests to ${targets.join(", ")} of ${repository}, and deploys nothing`,
    sources: [source],
    triggers: [
      {
        on: "pull-request",
        source: source.name,
        events: ["OPEN", "UPDATED"],
        branches: { includes: targets },
        ...(paths ? { paths: { includes: paths } } : {}),
      },
    ],
    variables: testVariables(pipeline),
    // One pull request is no reason to wait for another, or to leave it out.
    executionMode: "PARALLEL",
    // Images on a layer that is elsewhere need its digest, which only builds of reviewed code may take.
    stages: [
      {
        name: "Build",
        actions: [...testActions(pipeline), ...(hasOwnLayer(pipeline) ? [] : [images])].map(withoutLogin),
      },
    ],
  };
}

/** The source of these builds is an archive: there is nothing that git would log in for. */
function withoutLogin(action: BuildAction): BuildAction {
  const { "git-credential-helper": _, ...env } = action.buildspec.env ?? {};
  return { ...action, buildspec: { ...action.buildspec, env } };
}
