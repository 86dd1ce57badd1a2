import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import type { BuildAction, PipelineModel, TriggerModel } from "../../automation/pipeline/model";
import { Component, type Transform, transformed } from "../Component";
import { ServiceRole } from "../compute/ServiceRole";
import { arn, physicalName, type Scope } from "../scope";
import type { CustomerKey } from "../storage/CustomerKey";
import type { Duration } from "../units";
import type { ArtifactStore } from "./ArtifactStore";
import { BuildProject, projectName, type BuildMachines, type BuildProjectArgs } from "./BuildProject";
import { sourceStatements } from "./BuildRole";
import type { BuildRoles } from "./BuildRoles";
import { EventStart, type StartingEvent } from "./EventStart";
import type { Notifications } from "./Notifications";
import { stagesOf, triggersOf } from "./pipelineArgs";

/** Arguments of a pipeline. */
export interface PipelineArgs {
  scope: Scope;
  /** What it is: from settings, or written by hand. */
  model: PipelineModel;
  store: ArtifactStore;
  key: CustomerKey;
  /** Roles of the builds. */
  roles: BuildRoles;
  notifications: Notifications;
  /** ARN of the permissions boundary of the pipeline's own role. */
  boundary: pulumi.Input<string>;
  machines: BuildMachines;
  /** Logs of builds. @default "90 days" */
  logRetention?: Duration;
  /** Changes to the children. */
  transform?: { pipeline?: Transform<aws.codepipeline.PipelineArgs>; project?: BuildProjectArgs["transform"] };
}

/** The resources of a pipeline. */
export interface PipelineNodes {
  pipeline: aws.codepipeline.Pipeline;
  role: ServiceRole;
  /** By the names of the actions. */
  projects: Record<string, BuildProject>;
  starts: EventStart[];
}

/** The physical name of a pipeline, known before it exists. */
export function pipelineName(scope: Scope, { name }: Pick<PipelineModel, "name">): string {
  return physicalName("codepipeline", scope, name);
}

/** A pipeline of CodePipeline V2 that is what its model says: a project for each build, one role, and what starts it. */
export abstract class Pipeline extends Component<PipelineNodes> {
  readonly nodes: PipelineNodes;
  /** The pipeline's name. */
  readonly pipelineName: pulumi.Output<string>;

  /** @param type name of the class */
  protected constructor(
    type: string,
    private readonly logicalName: string,
    private readonly args: PipelineArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super(`delivery:${type}`, logicalName, opts);
    const projects = this.projects();
    const role = this.role();
    const pipeline = this.pipeline(role, projects);
    this.pipelineName = pipeline.name;
    this.nodes = { pipeline, role, projects, starts: this.starts() };
    this.registerOutputs({ pipelineName: this.pipelineName });
  }

  private get builds(): BuildAction[] {
    return this.args.model.stages.flatMap(({ actions }) => actions.filter((action) => action.kind === "build"));
  }

  private projects(): Record<string, BuildProject> {
    const { scope, model, roles, key, machines, logRetention, transform } = this.args;
    const make = (action: BuildAction) =>
      new BuildProject(
        `${this.logicalName}-${action.project}`,
        {
          scope,
          pipeline: model.name,
          action,
          role: roles.of(action.role),
          key,
          machines,
          ...(logRetention ? { logRetention } : {}),
          transform: transform?.project,
        },
        this.child(),
      );
    return Object.fromEntries(this.builds.map((action) => [action.project, make(action)]));
  }

  private role(): ServiceRole {
    const { scope, model, store, notifications, boundary, key } = this.args;
    const bounded = (given: aws.iam.RoleArgs) => ({ ...given, permissionsBoundary: boundary });
    const role = new ServiceRole(
      this.logicalName,
      { scope, what: model.name, service: "codepipeline", transform: { role: bounded } },
      this.child(),
    );
    const publishes = model.stages.some(({ actions }) => actions.some(({ kind }) => kind === "publish"));
    store.grantExchange(role, { publishes });
    const projects = this.builds.map((action) =>
      arn(scope, "codebuild", `project/${projectName(scope, model.name, action)}`),
    );
    role.addStatements({ actions: ["codebuild:BatchGetBuilds", "codebuild:StartBuild"], resources: projects });
    for (const source of model.sources) {
      if (source.kind === "repository") role.addStatements(...sourceStatements(scope, source, "pipeline"));
    }
    const asks = model.stages.some(({ actions }) => actions.some(({ kind }) => kind === "approval"));
    if (asks) {
      role.addStatements(
        { actions: ["sns:Publish"], resources: [notifications.topicArn] },
        {
          actions: ["kms:Decrypt", "kms:GenerateDataKey"],
          resources: [key.arn],
          conditions: { StringEquals: { "kms:ViaService": `sns.${scope.region}.${scope.dnsSuffix}` } },
        },
      );
    }
    return role;
  }

  private pipeline(role: ServiceRole, projects: Record<string, BuildProject>): aws.codepipeline.Pipeline {
    const { scope, model, store, notifications, transform } = this.args;
    const name = pipelineName(scope, model);
    const parts = {
      bucket: store.bucketName,
      keyArn: store.keyArn,
      projectOf: ({ project }: BuildAction) => projects[project]!.projectName,
      topicArn: notifications.topicArn,
      reviewLink: `https://${scope.region}.console.aws.amazon.com/codesuite/codepipeline/pipelines/${name}/view`,
    };
    return new aws.codepipeline.Pipeline(
      `${this.logicalName}-pipeline`,
      transformed(transform?.pipeline, {
        name,
        pipelineType: "V2",
        executionMode: model.executionMode,
        roleArn: role.arn,
        artifactStores: [{ type: "S3", location: store.bucketName, encryptionKey: { type: "KMS", id: store.keyArn } }],
        variables: model.variables.map((each) => ({
          name: each.name,
          defaultValue: each.default,
          description: each.description,
        })),
        triggers: triggersOf(model),
        stages: stagesOf(model, parts),
      }),
      this.child({ dependsOn: role.policy }),
    );
  }

  /** What starts the pipeline beside its own triggers. */
  private starts(): EventStart[] {
    const { scope, model, boundary } = this.args;
    const events = model.triggers.flatMap((trigger) => this.startOf(trigger));
    if (events.length === 0) return [];
    const bounded = (given: aws.iam.RoleArgs) => ({ ...given, permissionsBoundary: boundary });
    const role = new ServiceRole(
      `${this.logicalName}-start`,
      { scope, what: `${model.name}-start`, service: "events", transform: { role: bounded } },
      this.child(),
    );
    // Its name is known, so the rule need not wait for the pipeline.
    const pipelineArn = arn(scope, "codepipeline", pipelineName(scope, model));
    role.addStatements({ actions: ["codepipeline:StartPipelineExecution"], resources: [pipelineArn] });
    return events.map(
      ([kind, event]) =>
        new EventStart(
          `${this.logicalName}-${kind}`,
          { scope, what: `${model.name}-${kind}`, event, pipelineArn, roleArn: role.arn },
          this.child(),
        ),
    );
  }

  private startOf(trigger: TriggerModel): [string, StartingEvent][] {
    const { model, store } = this.args;
    if (trigger.on === "schedule") return [["schedule", { kind: "schedule", every: trigger.every }]];
    const source = model.sources.find(({ name }) => name === trigger.source);
    if (source?.kind === "published")
      return [["published", { kind: "object", bucket: store.bucketName, key: source.key }]];
    if (source === undefined || trigger.on !== "push" || source.provider === "codeconnections") return [];
    const [bucket = "", ...key] = source.repository.split("/");
    return source.provider === "codecommit"
      ? [["push", { kind: "branch", repository: source.repository, branch: source.branch! }]]
      : [["push", { kind: "object", bucket, key: key.join("/") }]];
  }
}
