import type { DistributionStep } from "../../../automation/settings/distribution";
import type { Statement } from "../../iam";
import type { Scope } from "../../scope";
import { distributionStatements, unscopedSteps } from "./distribution";
import { lakeServices, named, type ServicePermissions, unscopedActions } from "./services";

export { buildBoundary, deliveryBoundary, deployBoundary, runtimeBoundary } from "./boundaries";
export { roleManagement } from "./roles";
export { approvalStatements, secretsStatements, stateStatements, type StateOwner } from "./state";
export { lakeServices, unscopedActions } from "./services";

/** What a deploy role is for. */
export interface Deployment {
  /** Account, partition and first region. */
  scope: Scope;
  /** What the names of everything that it makes begin with: `<project>-<resources>-`. */
  start: string;
  /** What the tag `env` of everything that it makes begins with. */
  env: string;
  /** Regions that it works in. */
  regions: readonly string[];
}

/**
 * What deploying an environment needs, roles apart.
 *
 * @param steps what is delivered to it beside the lake
 */
export function lakeDeployment(deployment: Deployment, steps: readonly DistributionStep[] = []): Statement[] {
  const unscoped = unscopedSteps(steps);
  return [
    ...lakeServices.map((service) => statement(service, deployment)),
    ...distributionStatements(deployment, steps),
    {
      actions: [...unscopedActions, ...unscoped.actions],
      resources: ["*"],
      // Health answers in one region for all.
      conditions: inRegions([...deployment.regions, "us-east-1", ...unscoped.regions]),
    },
  ];
}

/** What deploying the stack `delivery` needs, roles apart. */
export function deliveryDeployment(deployment: Deployment): Statement[] {
  const { scope, regions, start } = deployment;
  const shared = ["s3", "events", "logs", "kms"];
  // Objects of the artifact buckets are the pipelines' and the builds' own.
  const services = lakeServices.filter(({ actions }) => !actions.includes("s3:PutObject"));
  const own = services.filter(({ actions }) => shared.includes(actions[0]!.split(":")[0]!));
  return [
    ...own.map((service) => statement(service, deployment)),
    ...pipelineServices(deployment),
    {
      actions: named("iam", "GetPolicy GetPolicyVersion ListPolicyVersions"),
      resources: [`arn:${scope.partition}:iam::${scope.account}:policy/${start}*`],
    },
    {
      actions: ["kms:CreateKey", "kms:ListAliases", "logs:DescribeLogGroups"],
      resources: ["*"],
      conditions: inRegions(regions),
    },
  ];
}

/** What pipelines are made of. */
function pipelineServices({ scope, regions, start }: Deployment): Statement[] {
  const arns = (service: string, resource: string) =>
    regions.map((region) => `arn:${scope.partition}:${service}:${region}:${scope.account}:${resource}`);
  return [
    {
      actions: named("codebuild", "BatchGetProjects CreateProject DeleteProject UpdateProject"),
      resources: arns("codebuild", `project/${start}*`),
    },
    {
      actions: named(
        "codepipeline",
        "CreatePipeline DeletePipeline GetPipeline GetPipelineExecution GetPipelineState ListTagsForResource StartPipelineExecution StopPipelineExecution TagResource UntagResource UpdatePipeline",
      ),
      resources: arns("codepipeline", `${start}*`),
    },
    {
      actions: named(
        "sns",
        "CreateTopic DeleteTopic GetSubscriptionAttributes GetTopicAttributes ListTagsForResource SetTopicAttributes Subscribe TagResource Unsubscribe UntagResource",
      ),
      resources: arns("sns", `${start}*`),
    },
    {
      actions: named("cloudwatch", "DeleteDashboards GetDashboard PutDashboard"),
      resources: [`arn:${scope.partition}:cloudwatch::${scope.account}:dashboard/${start}*`],
    },
  ];
}

const inRegions = (regions: readonly string[]) =>
  ({ StringEquals: { "aws:RequestedRegion": [...new Set(regions)] } }) as unknown as Statement["conditions"];

function statement({ actions, on, conditions }: ServicePermissions, deployment: Deployment): Statement {
  const resources = [...new Set(on.flatMap((resource) => placed(resource, deployment)))];
  if (!conditions) return { actions, resources };
  const filled = JSON.parse(fill(JSON.stringify(conditions), deployment, "")) as Statement["conditions"];
  return { actions, resources, conditions: filled };
}

/** With several regions any: a role's policies have 10,240 characters, and names tell environments apart in all of them. */
function placed(resource: string, deployment: Deployment): string[] {
  const [region = "", ...others] = deployment.regions;
  return [`arn:${deployment.scope.partition}:${fill(resource, deployment, others.length > 0 ? "*" : region)}`];
}

function fill(text: string, { scope, start, env }: Deployment, region: string): string {
  return text
    .replaceAll("{start}", start)
    .replaceAll("{words}", start.replaceAll("-", "_"))
    .replaceAll("{account}", scope.account)
    .replaceAll("{project}", scope.project)
    .replaceAll("{env}", env)
    .replaceAll("{region}", region);
}

/** Having an application of Resilience Hub assessed, which reads its resources by a role of its own. */
export function resilienceStatements(application: string | undefined): Statement[] {
  if (application === undefined) return [];
  return [{ actions: named("resiliencehub", "DescribeAppAssessment StartAppAssessment"), resources: [application] }];
}

/**
 * What deploying the stack `images` needs: its repositories and their key. The images themselves are pushed by the build's own role.
 *
 * @param code unreviewed code changes nothing of the registry as a whole
 */
export function imagesDeployment(
  { scope, regions, start, env }: Deployment,
  code: "reviewed" | "unreviewed",
): Statement[] {
  const arns = (service: string, resource: string) =>
    regions.map((region) => `arn:${scope.partition}:${service}:${region}:${scope.account}:${resource}`);
  const keys = lakeServices.filter(({ actions }) => actions[0]!.startsWith("kms:"));
  return [
    {
      actions: named(
        "ecr",
        "BatchDeleteImage CreateRepository DeleteLifecyclePolicy DeleteRepositoryPolicy DescribeRepositories GetLifecyclePolicy GetRepositoryPolicy ListTagsForResource PutImageScanningConfiguration PutImageTagMutability PutLifecyclePolicy SetRepositoryPolicy TagResource UntagResource",
      ),
      resources: arns("ecr", `repository/${start}*`),
    },
    ...keys.map((service) => statement(service, { scope, regions, start, env })),
    {
      actions: [
        ...(code === "reviewed" ? ["ecr:DescribeRegistry", "ecr:PutReplicationConfiguration"] : []),
        ...["kms:CreateKey", "kms:ListAliases"],
      ],
      resources: ["*"],
      conditions: inRegions(regions),
    },
  ];
}
