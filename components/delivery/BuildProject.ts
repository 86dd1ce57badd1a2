import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import { buildspecText, type BuildAction, type Compute } from "../../automation/pipeline/model";
import { Component, type Transform, transformed } from "../Component";
import { EncryptedLogGroup } from "../compute/EncryptedLogGroup";
import { arn, physicalName, type Scope } from "../scope";
import type { CustomerKey } from "../storage/CustomerKey";
import { type Duration, toSeconds } from "../units";
import type { BuildRole } from "./BuildRole";

/** Where builds run. */
export interface BuildMachines {
  /** Processor of the machines. @default "arm64" */
  architecture?: "arm64" | "x86_64";
  /** Image of the machines. @default Amazon Linux 2023 of CodeBuild, for that processor */
  image?: string;
  /** How long a build may wait for a machine. @default "1 hour" */
  queuedTimeout?: Duration;
  /** Keeps what earlier builds downloaded on the machine. @default true */
  cache?: boolean;
  /** Network of the machines. @default AWS's own */
  network?: BuildNetworkIds;
}

/** A network that builds run in. */
export interface BuildNetworkIds {
  vpcId: pulumi.Input<string>;
  subnets: pulumi.Input<pulumi.Input<string>[]>;
  securityGroupIds: pulumi.Input<pulumi.Input<string>[]>;
}

/** Arguments of {@link BuildProject}. */
export interface BuildProjectArgs {
  scope: Scope;
  /** Name of the pipeline that it belongs to. */
  pipeline: string;
  /** What it runs. */
  action: BuildAction;
  role: BuildRole;
  key: CustomerKey;
  machines: BuildMachines;
  /** @default "90 days" */
  logRetention?: Duration;
  /** Changes to the project. */
  transform?: Transform<aws.codebuild.ProjectArgs>;
}

/** The resources of a {@link BuildProject}. */
export interface BuildProjectNodes {
  project: aws.codebuild.Project;
  logs: EncryptedLogGroup;
}

/** Images of CodeBuild (docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-available.html), with Docker and Node.js 22. */
const defaultImages = {
  arm64: "aws/codebuild/amazonlinux-aarch64-standard:3.0",
  x86_64: "aws/codebuild/amazonlinux-x86_64-standard:5.0",
} as const;

const sizes: Readonly<Record<Compute, string>> = {
  small: "BUILD_GENERAL1_SMALL",
  medium: "BUILD_GENERAL1_MEDIUM",
  large: "BUILD_GENERAL1_LARGE",
};

/** The physical name of an action's project, known before it exists. */
export function projectName(scope: Scope, pipeline: string, { project }: Pick<BuildAction, "project">): string {
  return physicalName("codebuildProject", scope, `${pipeline}-${project}`);
}

/** A CodeBuild project that runs the buildspec of one action of a pipeline, and its log. */
export class BuildProject extends Component<BuildProjectNodes> {
  readonly nodes: BuildProjectNodes;
  /** The project's name. */
  readonly projectName: pulumi.Output<string>;

  constructor(name: string, args: BuildProjectArgs, opts?: pulumi.ComponentResourceOptions) {
    super("delivery:BuildProject", name, opts);
    const { scope, action, role, key } = args;
    const physical = projectName(scope, args.pipeline, action);
    const logs = new EncryptedLogGroup(
      name,
      { scope, logGroupName: `/aws/codebuild/${physical}`, key, retention: args.logRetention ?? "90 days" },
      this.child(),
    );
    logs.grantWrite(role);
    if (action.reports.length > 0) role.addStatements(reportStatement(scope, physical));
    const project = new aws.codebuild.Project(
      `${name}-project`,
      transformed(args.transform, projectArgs(args, physical, logs)),
      // A build that starts before its role may do anything fails.
      this.child({ dependsOn: role.policy }),
    );
    this.projectName = project.name;
    this.nodes = { project, logs };
    this.registerOutputs({ projectName: this.projectName });
  }
}

/** CodeBuild makes the report groups itself, named after project and report. */
function reportStatement(scope: Scope, project: string) {
  return {
    actions: [
      ...["codebuild:BatchPutCodeCoverages", "codebuild:BatchPutTestCases", "codebuild:CreateReport"],
      ...["codebuild:CreateReportGroup", "codebuild:UpdateReport"],
    ],
    resources: [arn(scope, "codebuild", `report-group/${project}-*`)],
  };
}

function projectArgs(args: BuildProjectArgs, name: string, logs: EncryptedLogGroup): aws.codebuild.ProjectArgs {
  const { action, role, key, machines } = args;
  const { architecture = "arm64", queuedTimeout = "1 hour", network } = machines;
  const minutes = (duration: Duration, path: string) => Math.ceil(toSeconds(duration, path) / 60);
  return {
    name,
    description: `${action.name} of the pipeline ${args.pipeline}`,
    serviceRole: role.arn,
    encryptionKey: key.arn,
    buildTimeout: minutes(action.timeout, `${name}.timeout`),
    queuedTimeout: minutes(queuedTimeout, `${name}.queuedTimeout`),
    source: { type: "CODEPIPELINE", buildspec: buildspecText(action.buildspec) },
    artifacts: { type: "CODEPIPELINE" },
    environment: {
      type: architecture === "arm64" ? "ARM_CONTAINER" : "LINUX_CONTAINER",
      computeType: sizes[action.compute],
      image: machines.image ?? defaultImages[architecture],
      imagePullCredentialsType: machines.image === undefined ? "CODEBUILD" : "SERVICE_ROLE",
      privilegedMode: action.privileged,
    },
    cache: cacheOf(action, machines),
    logsConfig: { cloudwatchLogs: { status: "ENABLED", groupName: logs.nodes.group.name } },
    ...(network
      ? { vpcConfig: { vpcId: network.vpcId, subnets: network.subnets, securityGroupIds: network.securityGroupIds } }
      : {}),
  };
}

/** The machine's own disk; images' layers too where images are built. The registry's cache is BuildKit's (docs/images.md). */
function cacheOf({ privileged }: BuildAction, { cache = true }: BuildMachines) {
  if (!cache) return { type: "NO_CACHE" };
  const modes = ["LOCAL_CUSTOM_CACHE", ...(privileged ? ["LOCAL_DOCKER_LAYER_CACHE"] : [])];
  return { type: "LOCAL", modes };
}
