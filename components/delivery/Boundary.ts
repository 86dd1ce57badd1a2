import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import { TributaryError } from "../../automation/errors";
import { Component, type Transform, transformed } from "../Component";
import { physicalName, type Scope } from "../scope";

/** Arguments of {@link Boundary}. */
export interface BoundaryArgs {
  /** Of the account that it is in. */
  scope: Scope;
  /** What it is the boundary of; part of its physical name. */
  what: string;
  description: string;
  /** The policy document. */
  document: string;
  /** Changes to the policy. */
  transform?: Transform<aws.iam.PolicyArgs>;
}

/** IAM's limit for a managed policy, white space not counted. */
const MANAGED_POLICY_LIMIT = 6_144;

/** The ARN of a boundary, known before it exists. */
export function boundaryArn(scope: Scope, what: string): string {
  return `arn:${scope.partition}:iam::${scope.account}:policy/${boundaryName(scope, what)}`;
}

const boundaryName = (scope: Scope, what: string) => physicalName("iamPolicy", scope, `boundary-${what}`);

/** A permissions boundary: what roles that have it can reach at most. No pipeline may change it; a person deploys its changes. */
export class Boundary extends Component<{ policy: aws.iam.Policy }> {
  readonly nodes: { policy: aws.iam.Policy };
  /** The policy's ARN. */
  readonly arn: pulumi.Output<string>;

  /** @throws TributaryError `PolicyTooLarge` above IAM's 6,144 characters */
  constructor(name: string, args: BoundaryArgs, opts?: pulumi.ComponentResourceOptions) {
    super("delivery:Boundary", name, opts);
    const { scope, what, description, document } = args;
    if (document.length > MANAGED_POLICY_LIMIT) {
      const message = `the boundary ${what} has ${document.length} characters; IAM allows ${MANAGED_POLICY_LIMIT} for a managed policy`;
      throw new TributaryError(message, { code: "PolicyTooLarge", next: "name fewer regions or environments" });
    }
    const policy = new aws.iam.Policy(
      `${name}-policy`,
      transformed(args.transform, { name: boundaryName(scope, what), description, policy: document }),
      this.child(),
    );
    this.arn = policy.arn;
    this.nodes = { policy };
    this.registerOutputs({ arn: this.arn });
  }
}
