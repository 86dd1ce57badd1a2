import type * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import type { RepositorySource } from "../../automation/pipeline/model";
import { Component, type Transform } from "../Component";
import { ServiceRole } from "../compute/ServiceRole";
import { type Grantee, type Statement } from "../iam";
import { arn, type Scope } from "../scope";

/** Arguments of {@link BuildRole}. */
export interface BuildRoleArgs {
  scope: Scope;
  /** Team and what it is for; part of its physical name. */
  what: string;
  /** ARN of its permissions boundary. */
  boundary: pulumi.Input<string>;
  /** ARNs of the deploy roles that it may take. @default none */
  assumes?: readonly pulumi.Input<string>[];
  /** Pushes images: repositories of the registry by what their names begin with. @default none */
  pushes?: string;
  /** Builds from images of these repositories of the registry, by what their names begin with. @default none but its own */
  pulls?: string;
  /** Source whose connection git uses in the build, for the history and its tags. @default none */
  source?: RepositorySource;
  /** Works in a network of ours: makes network interfaces there. @default false */
  network?: boolean;
  /** Changes to the role. */
  transform?: { role?: Transform<aws.iam.RoleArgs>; policy?: Transform<aws.iam.RolePolicyArgs> };
}

/**
 * The role of builds: log, artifacts and reports, and the one thing that they are there for. A build that deploys takes the deploy role of
 * its environment and can do nothing in an account by itself.
 */
export class BuildRole extends Component<{ role: ServiceRole }> implements Grantee {
  readonly nodes: { role: ServiceRole };
  /** The role's ARN. */
  readonly arn: pulumi.Output<string>;
  /** What has to be there before a build starts. */
  readonly policy: aws.iam.RolePolicy;
  private readonly role: ServiceRole;

  constructor(name: string, args: BuildRoleArgs, opts?: pulumi.ComponentResourceOptions) {
    super("delivery:BuildRole", name, opts);
    const { scope, boundary, transform = {} } = args;
    const bounded = { permissionsBoundary: boundary };
    const role: Transform<aws.iam.RoleArgs> = (given) => ({ ...given, ...bounded, ...changes(transform.role, given) });
    this.role = new ServiceRole(
      name,
      { scope, what: args.what, service: "codebuild", transform: { role, policy: transform.policy } },
      this.child(),
    );
    this.role.addStatements(...statements(args));
    this.arn = this.role.arn;
    this.policy = this.role.policy;
    this.nodes = { role: this.role };
    this.registerOutputs({ arn: this.arn });
  }

  addStatements(...given: Statement[]): void {
    this.role.addStatements(...given);
  }
}

const changes = (transform: Transform<aws.iam.RoleArgs> | undefined, given: aws.iam.RoleArgs) =>
  typeof transform === "function" ? transform(given) : transform;

function statements({ scope, assumes = [], pushes, pulls, source, network }: BuildRoleArgs): Statement[] {
  return [
    ...(assumes.length > 0 ? [{ actions: ["sts:AssumeRole"], resources: assumes }] : []),
    ...(pushes === undefined ? [] : pushStatements(scope, pushes)),
    ...(pulls === undefined ? [] : [pullStatement(scope, pulls)]),
    ...(source === undefined ? [] : sourceStatements(scope, source, "build")),
    ...(network ? networkStatements(scope) : []),
  ];
}

/** Building images into repositories of ECR, and asking what is known against them. */
function pushStatements(scope: Scope, start: string): Statement[] {
  const actions = [
    ...["BatchCheckLayerAvailability", "BatchGetImage", "CompleteLayerUpload", "DescribeImageScanFindings"],
    ...[
      "DescribeImages",
      "DescribeRepositories",
      "GetDownloadUrlForLayer",
      "InitiateLayerUpload",
      "ListImages",
      "PutImage",
    ],
    ...["UploadLayerPart"],
  ].map((action) => `ecr:${action}`);
  return [
    { actions, resources: [arn(scope, "ecr", `repository/${start}*`)] },
    // A login is for the registry as a whole.
    { actions: ["ecr:GetAuthorizationToken"], resources: ["*"] },
  ];
}

/** Taking images; the login is that of pushing. */
function pullStatement(scope: Scope, start: string): Statement {
  const actions = ["BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer"];
  return {
    actions: actions.map((action) => `ecr:${action}`),
    resources: [arn(scope, "ecr", `repository/${start}*`)],
  };
}

/**
 * Reading a source.
 *
 * @param by `pipeline` takes revisions, `build` uses git
 */
export function sourceStatements(scope: Scope, source: RepositorySource, by: "pipeline" | "build"): Statement[] {
  if (source.provider === "codeconnections") {
    const actions = ["codeconnections:UseConnection", "codestar-connections:UseConnection"];
    return [{ actions, resources: [source.connection!] }];
  }
  if (source.provider === "codecommit") {
    const pull = ["codecommit:GitPull"];
    const take = [
      "CancelUploadArchive",
      "GetBranch",
      "GetCommit",
      "GetRepository",
      "GetUploadArchiveStatus",
      "UploadArchive",
    ];
    const actions = by === "build" ? pull : [...pull, ...take.map((action) => `codecommit:${action}`)];
    return [{ actions, resources: [arn(scope, "codecommit", source.repository)] }];
  }
  if (by === "build") return [];
  const [bucket, ...key] = source.repository.split("/");
  const object = `arn:${scope.partition}:s3:::${bucket}`;
  return [
    { actions: ["s3:GetObject", "s3:GetObjectVersion"], resources: [`${object}/${key.join("/")}`] },
    { actions: ["s3:GetBucketLocation", "s3:GetBucketVersioning"], resources: [object] },
  ];
}

/** What CodeBuild asks for builds in a network (docs.aws.amazon.com/codebuild/latest/userguide/auth-and-access-control-iam-identity-based-access-control.html). */
function networkStatements(scope: Scope): Statement[] {
  const resources = ["network-interface/*", "subnet/*", "security-group/*"].map((each) => arn(scope, "ec2", each));
  const interfaces = [arn(scope, "ec2", "network-interface/*")];
  const service = { StringEquals: { "ec2:AuthorizedService": `codebuild.${scope.dnsSuffix}` } };
  return [
    { actions: ["ec2:CreateNetworkInterface"], resources },
    { actions: ["ec2:DeleteNetworkInterface"], resources: interfaces },
    { actions: ["ec2:CreateNetworkInterfacePermission"], resources: interfaces, conditions: service },
    {
      actions: [
        ...["ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups"],
        ...["ec2:DescribeSubnets", "ec2:DescribeVpcs"],
      ],
      resources: ["*"],
    },
  ];
}
