import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { TributaryError } from "../../automation/errors";
import { Component, type Transform, transformed } from "../Component";
import { type Grantee, policyDocument, type Statement, Statements, trustPolicy } from "../iam";
import { physicalName, type Scope } from "../scope";

/** Arguments of {@link ServiceRole}. */
export interface ServiceRoleArgs {
  scope: Scope;
  /** What the role is for; part of its physical name. */
  what: string;
  /** Service that takes the role, without the partition's suffix, e.g. `lambda`. */
  service: string;
  /**
   * Adds the condition `aws:SourceAccount` to the trust policy. Step Functions and EventBridge send it; Lambda does not
   * when it takes an execution role.
   * @default true
   */
  sourceAccount?: boolean;
  /** Changes to the children. */
  transform?: { role?: Transform<aws.iam.RoleArgs>; policy?: Transform<aws.iam.RolePolicyArgs> };
}

/**
 * A role of one owner with one inline policy. Grants are collected while the program builds its components (in one turn
 * of the event loop) and become the policy afterwards; a later grant is refused, because it would be lost.
 */
export class ServiceRole extends Component<{ role: aws.iam.Role; policy: aws.iam.RolePolicy }> implements Grantee {
  readonly nodes: { role: aws.iam.Role; policy: aws.iam.RolePolicy };
  /** The role's ARN. */
  readonly arn: pulumi.Output<string>;
  /** The policy: what needs the permissions to be there depends on it. */
  readonly policy: aws.iam.RolePolicy;
  private readonly statements = new Statements();
  private closed = false;

  constructor(
    private readonly owner: string,
    args: ServiceRoleArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("compute:ServiceRole", owner, opts);
    const { scope, transform = {} } = args;
    const role = new aws.iam.Role(
      `${owner}-role`,
      transformed(transform.role, {
        name: physicalName("iamRole", scope, args.what),
        assumeRolePolicy: trustPolicy(
          `${args.service}.amazonaws.com`,
          args.sourceAccount === false ? undefined : scope.account,
        ),
        ...(scope.permissionsBoundary === undefined ? {} : { permissionsBoundary: scope.permissionsBoundary }),
      }),
      this.child(),
    );
    this.policy = new aws.iam.RolePolicy(
      `${owner}-policy`,
      transformed(transform.policy, { name: "grants", role: role.name, policy: pulumi.output(this.document()) }),
      this.child(),
    );
    this.arn = role.arn;
    this.nodes = { role, policy: this.policy };
    this.registerOutputs({ arn: this.arn });
  }

  addStatements(...statements: Statement[]): void {
    if (this.closed) {
      throw new TributaryError(`${this.owner} was given a permission after its policy had been made`, {
        code: "GrantTooLate",
        next: "give all grants in the turn of the event loop that creates the components: not in apply, not after an await",
      });
    }
    this.statements.add(...statements);
  }

  private async document(): Promise<pulumi.Output<string>> {
    await new Promise((resolve) => setImmediate(resolve));
    this.closed = true;
    return policyDocument(this.statements.all, this.owner);
  }
}
