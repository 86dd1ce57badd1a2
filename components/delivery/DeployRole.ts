import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import { Component, type Transform, transformed } from "../Component";
import { policyDocument, type Statement } from "../iam";
import { physicalName, type Scope } from "../scope";

/** Arguments of {@link DeployRole}. */
export interface DeployRoleArgs {
  /** Of the account that it is in. */
  scope: Scope;
  /** What it deploys; part of its physical name. */
  what: string;
  /** ARNs of the roles that may take it. */
  trusts: readonly pulumi.Input<string>[];
  /** What has to be there before AWS accepts a trust policy that names those roles. @default nothing */
  trusted?: pulumi.Input<pulumi.Resource>[];
  statements: readonly Statement[];
  /**
   * Permissions on states. They are a policy of their own, which like a boundary no pipeline may change: a role's inline policies have
   * 10,240 characters in all. @default none
   */
  state?: readonly Statement[];
  /** ARN of its permissions boundary. */
  boundary: pulumi.Input<string>;
  /** Changes to the children. */
  transform?: { role?: Transform<aws.iam.RoleArgs>; policy?: Transform<aws.iam.RolePolicyArgs> };
}

/** The resources of a {@link DeployRole}. */
export interface DeployRoleNodes {
  role: aws.iam.Role;
  policy: aws.iam.RolePolicy;
  /** Undefined without permissions on states. */
  state?: aws.iam.Policy;
}

/** How long the credentials of a deploy role hold at most (s): as long as the longest deployment. */
const SESSION_SECONDS = 14_400;

/** The physical name of a deploy role, known before it exists. */
export function deployRoleName(scope: Scope, what: string): string {
  return physicalName("iamRole", scope, `deploy-${what}`);
}

/** The ARN of a deploy role, known before it exists. */
export function deployRoleArn(scope: Scope, what: string): string {
  return `arn:${scope.partition}:iam::${scope.account}:role/${deployRoleName(scope, what)}`;
}

/** The role that deploys one environment: taken by the builds of that environment, and capped by a boundary that it cannot change. */
export class DeployRole extends Component<DeployRoleNodes> {
  readonly nodes: DeployRoleNodes;
  /** The role's ARN. */
  readonly arn: pulumi.Output<string>;

  constructor(name: string, args: DeployRoleArgs, opts?: pulumi.ComponentResourceOptions) {
    super("delivery:DeployRole", name, opts);
    const { scope, what, trusts, trusted = [], transform = {} } = args;
    const role = new aws.iam.Role(
      `${name}-role`,
      transformed(transform.role, {
        name: deployRoleName(scope, what),
        description: `Deploys ${what}; taken by the pipelines' builds`,
        assumeRolePolicy: trustOf(trusts),
        permissionsBoundary: args.boundary,
        maxSessionDuration: SESSION_SECONDS,
      }),
      this.child({ dependsOn: trusted }),
    );
    const policy = new aws.iam.RolePolicy(
      `${name}-policy`,
      transformed(transform.policy, { name: "deploy", role: role.name, policy: policyDocument(args.statements, name) }),
      this.child(),
    );
    const state = this.state(name, args, role);
    this.arn = role.arn;
    this.nodes = { role, policy, ...(state ? { state } : {}) };
    this.registerOutputs({ arn: this.arn });
  }

  private state(name: string, { scope, what, state = [] }: DeployRoleArgs, role: aws.iam.Role) {
    if (state.length === 0) return undefined;
    const policy = new aws.iam.Policy(
      `${name}-state`,
      {
        name: physicalName("iamPolicy", scope, `state-${what}`),
        description: `States that deployments of ${what} work on`,
        policy: policyDocument(state, `${name}-state`),
      },
      this.child(),
    );
    new aws.iam.RolePolicyAttachment(`${name}-state`, { role: role.name, policyArn: policy.arn }, this.child());
    return policy;
  }
}

function trustOf(trusts: readonly pulumi.Input<string>[]): aws.iam.RoleArgs["assumeRolePolicy"] {
  const statement = { Effect: "Allow", Action: "sts:AssumeRole", Principal: { AWS: trusts } };
  return { Version: "2012-10-17", Statement: [statement] } as unknown as aws.iam.PolicyDocument;
}
