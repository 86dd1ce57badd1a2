import type { Duration } from "../../../components/units";
import type { Buildspec } from "./buildspec";

/** Where a repository is. */
export type RepositoryProvider = "codeconnections" | "codecommit" | "s3";

/** A source that is a repository. */
export interface RepositorySource {
  kind: "repository";
  /** Name of the action in the stage `Source`. */
  name: string;
  /** Artifact that it makes. */
  artifact: string;
  /** Its variables are `#{<namespace>.CommitId}`, `BranchName` and others of the provider. */
  namespace: string;
  provider: RepositoryProvider;
  /** `owner/name` of a connection, a CodeCommit repository's name, `bucket/key.zip` in S3. */
  repository: string;
  /** Undefined in S3. */
  branch?: string;
  /** ARN; only of a connection. */
  connection?: string;
  /** Its name in the settings, where it is another repository than the one that defines the pipelines. */
  apart?: string;
  /** Files alone, without git's history: CodePipeline fetches them, and builds need no login to the repository. Only of a connection. */
  archive?: true;
}

/** A source that another pipeline publishes. */
export interface PublishedSource {
  kind: "published";
  name: string;
  artifact: string;
  namespace: string;
  /** Name of the pipeline that publishes it. */
  pipeline: string;
  /** Key of the object in the artifact bucket. */
  key: string;
}

/** Where a pipeline's execution starts from. */
export type SourceModel = RepositorySource | PublishedSource;

/** Names that are in, and names that are out again; `*` stands for all but `/`, `**` for all. */
export interface TriggerFilter {
  includes?: string[];
  excludes?: string[];
}

/**
 * What starts a pipeline. All filters of one trigger have to be met; each trigger stands for itself. CodePipeline takes triggers of
 * connections only: branches of CodeCommit and keys of S3 are watched by rules of EventBridge.
 */
export type TriggerModel =
  | { on: "push"; source: string; branches?: TriggerFilter; tags?: TriggerFilter; paths?: TriggerFilter }
  | {
      on: "pull-request";
      source: string;
      branches?: TriggerFilter;
      paths?: TriggerFilter;
      events: ("OPEN" | "UPDATED" | "CLOSED")[];
    }
  | { on: "published"; source: string }
  | { on: "schedule"; every: Duration };

/** A variable of a pipeline: `#{variables.<name>}`. */
export interface VariableModel {
  name: string;
  default: string;
  description: string;
}

/**
 * Whom a build acts for, which decides its role: `test` nobody; `images` the registry; `layer` that of a layer with a repository
 * of its own; `update` the delivery stack itself; `environment` may take the deploy role of one environment, and no other.
 */
export type BuildRole =
  | { kind: "test" }
  | { kind: "images" }
  | { kind: "layer" }
  | { kind: "update" }
  | { kind: "environment"; environment: string };

/** Size of a build's machine: CodeBuild's small, medium and large (3, 7 and 15 GB on x86; 4, 8 and 16 GB on ARM). */
export type Compute = "small" | "medium" | "large";

/** An action that runs a buildspec in CodeBuild. */
export interface BuildAction {
  kind: "build";
  /** Unique in its stage. */
  name: string;
  /** Actions of the same order run side by side. */
  runOrder: number;
  /** Unique in its pipeline; the CodeBuild project is named after it. */
  project: string;
  buildspec: Buildspec;
  /** Artifacts; the first is the primary one, where the build begins (CODEBUILD_SRC_DIR). */
  inputs: string[];
  /** Artifacts. One alone is the buildspec's `artifacts`; several are its `secondary-artifacts`, by these names. */
  outputs: string[];
  /** Environment variables that the action gives: text with `#{<namespace>.<name>}`. */
  variables: Record<string, string>;
  /** What the buildspec exports is `#{<namespace>.<name>}` for later actions. */
  namespace?: string;
  role: BuildRole;
  compute: Compute;
  /** Builds container images. */
  privileged: boolean;
  timeout: Duration;
  /** Names of the reports that it makes. */
  reports: string[];
}

/** An action that waits for a person. */
export interface ApprovalAction {
  kind: "approval";
  name: string;
  runOrder: number;
  /** What the person is told: text with `#{<namespace>.<name>}`; at most 1,000 characters when it is sent. */
  message: string;
  /** Whose approval it is, for messages. */
  environment: string;
}

/** An action that publishes an artifact for other pipelines, as it is. */
export interface PublishAction {
  kind: "publish";
  name: string;
  runOrder: number;
  /** Artifact that is published. */
  input: string;
  /** Key of the object in the artifact bucket. */
  key: string;
}

/** What a stage does. */
export type ActionModel = BuildAction | ApprovalAction | PublishAction;

/** What has to be true before a stage is entered. */
export interface StageCondition {
  /** `<namespace>.<name>` */
  variable: string;
  equals: string;
  /** `skip`: the execution goes on behind the stage; `fail`: it ends. */
  otherwise: "skip" | "fail";
}

/** A stage: its actions by run order; the next stage begins when all have succeeded. */
export interface StageModel {
  name: string;
  condition?: StageCondition;
  actions: ActionModel[];
  /** The stage is tried once more when it failed. Excludes `rollback`. */
  retry?: { mode: "FAILED_ACTIONS" | "ALL_ACTIONS" };
  /** When the stage failed, it is run again with what its last successful execution had. Excludes `retry`. */
  rollback?: boolean;
}

/** `QUEUED`: executions wait for each other, none is left out. `SUPERSEDED`: a newer one takes the place of one that waits. `PARALLEL`: none waits. */
export type ExecutionMode = "QUEUED" | "SUPERSEDED" | "PARALLEL";

/** A pipeline as data: what is deployed, run on this machine and drawn. The source actions are a stage of their own before `stages`. */
export interface PipelineModel {
  /** Unique among all pipelines. */
  name: string;
  kind: "layer" | "application" | "release" | "branch" | "branches" | "checks";
  /** In one sentence. */
  description: string;
  sources: SourceModel[];
  triggers: TriggerModel[];
  variables: VariableModel[];
  executionMode: ExecutionMode;
  stages: StageModel[];
}
