import type * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import type {
  ActionModel,
  BuildAction,
  PipelineModel,
  SourceModel,
  StageModel,
  TriggerFilter,
  TriggerModel,
} from "../../automation/pipeline/model";

/** What a pipeline's definition needs of the resources around it. */
export interface PipelineParts {
  /** Bucket of the artifacts. */
  bucket: pulumi.Input<string>;
  /** ARN of the key of the artifacts. */
  keyArn: pulumi.Input<string>;
  /** Name of the CodeBuild project of an action. */
  projectOf(action: BuildAction): pulumi.Input<string>;
  /** ARN of the topic that approvals are asked for on. */
  topicArn: pulumi.Input<string>;
  /** Where a person looks before approving; at most 2,048 characters. */
  reviewLink: string;
}

type Stage = aws.types.input.codepipeline.PipelineStage;
type Action = aws.types.input.codepipeline.PipelineStageAction;
type Trigger = aws.types.input.codepipeline.PipelineTrigger;
type Push = aws.types.input.codepipeline.PipelineTriggerGitConfigurationPush;
type PullRequest = aws.types.input.codepipeline.PipelineTriggerGitConfigurationPullRequest;

/** The stages of a pipeline as CodePipeline takes them, the sources' first. */
export function stagesOf(model: PipelineModel, parts: PipelineParts): Stage[] {
  const sources = { name: "Source", actions: model.sources.map((source) => sourceAction(source, parts)) };
  return [sources, ...model.stages.map((stage) => stageOf(stage, parts))];
}

function sourceAction(source: SourceModel, { bucket }: PipelineParts): Action {
  const common = {
    name: source.name,
    category: "Source",
    owner: "AWS",
    version: "1",
    namespace: source.namespace,
    outputArtifacts: [source.artifact],
  };
  if (source.kind === "published")
    return { ...common, provider: "S3", configuration: objectSource(bucket, source.key) };
  const { provider, repository, branch = "", connection = "", archive } = source;
  // Git's history goes along: the driver records the commit, and tags are looked up.
  const clone = { OutputArtifactFormat: "CODEBUILD_CLONE_REF" };
  switch (provider) {
    case "codeconnections":
      return {
        ...common,
        provider: "CodeStarSourceConnection",
        configuration: {
          ConnectionArn: connection,
          FullRepositoryId: repository,
          BranchName: branch,
          // The triggers say what starts the pipeline.
          DetectChanges: "false",
          ...(archive ? { OutputArtifactFormat: "CODE_ZIP" } : clone),
        },
      };
    case "codecommit":
      return {
        ...common,
        provider: "CodeCommit",
        configuration: { RepositoryName: repository, BranchName: branch, PollForSourceChanges: "false", ...clone },
      };
    case "s3": {
      const [name = "", ...key] = repository.split("/");
      return { ...common, provider: "S3", configuration: objectSource(name, key.join("/")) };
    }
  }
}

const objectSource = (bucket: pulumi.Input<string>, key: string) => ({
  S3Bucket: bucket,
  S3ObjectKey: key,
  PollForSourceChanges: "false",
});

function stageOf(stage: StageModel, parts: PipelineParts): Stage {
  const { name, condition, retry, rollback } = stage;
  return {
    name,
    actions: stage.actions.map((action) => actionOf(action, parts)),
    ...(condition ? { beforeEntry: entryCondition(condition) } : {}),
    ...(retry ? { onFailure: { result: "RETRY", retryConfiguration: { retryMode: retry.mode } } } : {}),
    ...(rollback ? { onFailure: { result: "ROLLBACK" } } : {}),
  };
}

/** The rule that compares a variable (docs.aws.amazon.com/codepipeline/latest/userguide/rule-reference-VariableCheck.html). */
function entryCondition({ variable, equals, otherwise }: NonNullable<StageModel["condition"]>): Stage["beforeEntry"] {
  const rule = {
    name: "condition",
    ruleTypeId: { category: "Rule", owner: "AWS", provider: "VariableCheck", version: "1" },
    configuration: { Variable: `#{${variable}}`, Operator: "EQ", Value: equals },
  };
  return { condition: { result: otherwise === "skip" ? "SKIP" : "FAIL", rules: [rule] } };
}

function actionOf(action: ActionModel, parts: PipelineParts): Action {
  const common = { name: action.name, owner: "AWS", version: "1", runOrder: action.runOrder };
  switch (action.kind) {
    case "build":
      return { ...common, category: "Build", provider: "CodeBuild", ...buildOf(action, parts) };
    case "approval":
      return {
        ...common,
        category: "Approval",
        provider: "Manual",
        configuration: {
          NotificationArn: parts.topicArn,
          CustomData: action.message,
          ExternalEntityLink: parts.reviewLink,
        },
      };
    case "publish":
      return {
        ...common,
        category: "Deploy",
        provider: "S3",
        inputArtifacts: [action.input],
        configuration: {
          BucketName: parts.bucket,
          ObjectKey: action.key,
          // As it is: the object is another pipeline's source.
          Extract: "false",
          KMSEncryptionKeyARN: parts.keyArn,
        },
      };
  }
}

function buildOf(action: BuildAction, parts: PipelineParts): Pick<Action, "configuration" | "inputArtifacts"> {
  const variables = Object.entries(action.variables).map(([name, value]) => ({ name, value, type: "PLAINTEXT" }));
  const [primary = ""] = action.inputs;
  return {
    inputArtifacts: action.inputs,
    ...(action.outputs.length > 0 ? { outputArtifacts: action.outputs } : {}),
    ...(action.namespace === undefined ? {} : { namespace: action.namespace }),
    configuration: {
      ProjectName: parts.projectOf(action),
      ...(action.inputs.length > 1 ? { PrimarySource: primary } : {}),
      ...(variables.length > 0 ? { EnvironmentVariables: JSON.stringify(variables) } : {}),
    },
  };
}

/**
 * The triggers that CodePipeline has itself: those of connections. The others are rules of EventBridge. It takes one configuration for
 * each source action, with up to three filters of pushes and of pull requests (API reference: GitConfiguration).
 */
export function triggersOf({ triggers, sources }: PipelineModel): Trigger[] {
  return sources.filter(isConnection).flatMap(({ name }): Trigger[] => {
    const own = triggers.flatMap((each) => ("source" in each && each.source === name ? [each] : []));
    const pushes = own.flatMap((each) => (each.on === "push" ? [pushFilter(each)] : []));
    const pullRequests = own.flatMap((each) => (each.on === "pull-request" ? [pullRequestFilter(each)] : []));
    if (pushes.length + pullRequests.length === 0) return [];
    const filters = {
      ...(pushes.length > 0 ? { pushes } : {}),
      ...(pullRequests.length > 0 ? { pullRequests } : {}),
    };
    return [{ providerType: "CodeStarSourceConnection", gitConfiguration: { sourceActionName: name, ...filters } }];
  });
}

const isConnection = (source: SourceModel) => source.kind === "repository" && source.provider === "codeconnections";

type On<K extends TriggerModel["on"]> = Extract<TriggerModel, { on: K }>;

const pushFilter = ({ branches, tags, paths }: On<"push">): Push => ({
  ...filter("branches", branches),
  ...filter("tags", tags),
  ...filter("filePaths", paths),
});

const pullRequestFilter = ({ events, branches, paths }: On<"pull-request">): PullRequest => ({
  events,
  ...filter("branches", branches),
  ...filter("filePaths", paths),
});

const filter = (name: "branches" | "tags" | "filePaths", given: TriggerFilter | undefined) =>
  given === undefined ? {} : { [name]: given };
