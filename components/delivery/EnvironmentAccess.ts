import type * as pulumi from "@pulumi/pulumi";
import type { DistributionStep } from "../../automation/settings/distribution";
import { Component } from "../Component";
import type { Scope } from "../scope";
import { Boundary, boundaryArn } from "./Boundary";
import { DeployRole, deployRoleArn, type DeployRoleArgs } from "./DeployRole";
import {
  resilienceStatements,
  deployBoundary,
  lakeDeployment,
  roleManagement,
  runtimeBoundary,
  secretsStatements,
  stateStatements,
  type StateOwner,
} from "./permissions";

/** Arguments of {@link EnvironmentAccess}. */
export interface EnvironmentAccessArgs {
  /** Of the environment's account. */
  scope: Scope;
  environment: string;
  /** What names of its resources begin with, after the project. */
  resources: string;
  regions: readonly string[];
  /** What is delivered to it beside the lake. @default nothing */
  steps?: readonly DistributionStep[];
  /** Stacks that its states are of: its own, or `b-*` for those of branches. */
  stacks: StateOwner;
  /** Address of the driver's backend. */
  backend?: string | undefined;
  /** Address of the key of its state's secrets. */
  secretsProvider?: string | undefined;
  /** ARN of its application in Resilience Hub. */
  resilience?: string | undefined;
  /** ARNs of the builds' roles that may deploy it. */
  trusts: DeployRoleArgs["trusts"];
  trusted?: DeployRoleArgs["trusted"];
  /** Changes to the role. */
  transform?: DeployRoleArgs["transform"];
}

/** The parts of an {@link EnvironmentAccess}. */
export interface EnvironmentAccessNodes {
  role: DeployRole;
  /** Of the deploy role. */
  boundary: Boundary;
  /** Of the roles that a deployment makes. */
  runtime: Boundary;
}

/** What an environment's account has for its pipelines: the deploy role, its boundary, and the boundary of all roles that it makes. */
export class EnvironmentAccess extends Component<EnvironmentAccessNodes> {
  readonly nodes: EnvironmentAccessNodes;

  constructor(name: string, args: EnvironmentAccessArgs, opts?: pulumi.ComponentResourceOptions) {
    super("delivery:EnvironmentAccess", name, opts);
    const { scope, environment, trusts, trusted, steps } = args;
    const start = `${scope.project}-${args.resources}-`;
    const deployment = { scope, start, env: args.resources, regions: args.regions };
    const boundaries = [boundaryArn(scope, runtimeName(environment))];
    const management = roleManagement(scope, boundaries, [`role/${start}*`], services);
    const bound = (logical: string, what: string, description: string, document: string) =>
      new Boundary(`${name}-${logical}`, { scope, what, description, document }, this.child());
    const runtime = bound(
      "runtime",
      runtimeName(environment),
      `What functions and jobs of ${environment} can reach at most`,
      runtimeBoundary(scope),
    );
    const boundary = bound(
      "boundary",
      environment,
      `What deployments of ${environment} can do at most`,
      deployBoundary(management),
    );
    const statements = [...lakeDeployment(deployment, steps), ...management, ...resilienceStatements(args.resilience)];
    const role = new DeployRole(
      name,
      {
        scope,
        what: environment,
        trusts,
        trusted,
        statements,
        state: stateOf(args),
        boundary: boundary.arn,
        transform: args.transform,
      },
      this.child(),
    );
    this.nodes = { role, boundary, runtime };
    this.registerOutputs({});
  }
}

const stateOf = ({ scope, backend, stacks, secretsProvider }: EnvironmentAccessArgs) => [
  ...stateStatements(scope, backend, stacks),
  ...secretsStatements(scope, secretsProvider),
];

/** Services that a lake hands roles to. */
const services = ["events", "glue", "lambda", "scheduler", "states"];

const runtimeName = (environment: string) => `${environment}-runtime`;

/** ARNs of what an environment's access is made of, known before it is there. */
export function accessArns(scope: Scope, environment: string) {
  return {
    role: deployRoleArn(scope, environment),
    boundary: boundaryArn(scope, environment),
    runtime: boundaryArn(scope, runtimeName(environment)),
  };
}
