import type * as pulumi from "@pulumi/pulumi";
import type { DeliverySettings } from "../../automation/settings";
import type { Statement } from "../iam";
import type { Scope } from "../scope";
import { Boundary, boundaryArn } from "./Boundary";
import type { BuildRole } from "./BuildRole";
import type { WorkloadAccount } from "./Delivery";
import { DeployRole, deployRoleArn } from "./DeployRole";
import { accessArns } from "./EnvironmentAccess";
import {
  buildBoundary,
  deliveryBoundary,
  deliveryDeployment,
  roleManagement,
  secretsStatements,
  stateStatements,
} from "./permissions";

/** What the pipelines' account has for deploying the pipelines themselves. */
export interface DeliveryAccess {
  /** Of pipelines and builds. */
  buildBoundary: Boundary;
  /** Of {@link role}. */
  boundary: Boundary;
  /** ARN of the role that deploys the stack `delivery`. */
  roleArn: string;
  /** Makes that role, to be taken by these builds; once. */
  trust(roles: readonly BuildRole[]): DeployRole;
}

/** Arguments of {@link deliveryAccess}. */
export interface DeliveryAccessArgs {
  scope: Scope;
  settings: DeliverySettings;
  accounts: Readonly<Record<string, WorkloadAccount>>;
}

/** What it deploys; part of the names of role and boundary. */
const DELIVERY = "delivery";
const BUILD = "build";

/** Services that pipelines hand roles to. */
const services = ["codebuild", "codepipeline", "events"];

/** Boundaries and deploy role of the stack `delivery` itself. */
export function deliveryAccess(
  name: string,
  args: DeliveryAccessArgs,
  opts: pulumi.CustomResourceOptions,
): DeliveryAccess {
  const { scope, settings } = args;
  const start = `${scope.project}-${scope.env}-`;
  const management = managementOf(args, start);
  const { build, boundary } = boundaries(name, scope, start, management, opts);
  const deployment = { scope, start, env: scope.env, regions: [scope.region] };
  const { backend, secretsProvider } = settings;
  const state = [...stateStatements(scope, backend, { name: DELIVERY }), ...secretsStatements(scope, secretsProvider)];
  const statements = [...deliveryDeployment(deployment), ...management];
  const trust = (roles: readonly BuildRole[]) =>
    new DeployRole(
      `${name}-self`,
      {
        scope,
        what: DELIVERY,
        trusts: roles.map((role) => role.arn),
        trusted: roles.map((role) => role.policy),
        statements,
        state,
        boundary: boundary.arn,
      },
      opts,
    );
  return { buildBoundary: build, boundary, roleArn: deployRoleArn(scope, DELIVERY), trust };
}

/** What may be done with roles: those of this stack, with one of its boundaries. Other accounts' are made by their bootstrap roles. */
function managementOf({ scope, settings, accounts }: DeliveryAccessArgs, start: string): Statement[] {
  const here = Object.entries(accounts).filter(([, account]) => account.scope.account === scope.account);
  const boundaries = [
    boundaryArn(scope, BUILD),
    boundaryArn(scope, DELIVERY),
    ...here.map(([env, account]) => accessArns(account.scope, env).boundary),
  ];
  const bootstrap = Object.values(settings.environments).flatMap(({ bootstrapRole }) => bootstrapRole ?? []);
  return [
    ...roleManagement(scope, boundaries, [`role/${start}*`], services),
    ...(bootstrap.length > 0 ? [{ actions: ["sts:AssumeRole"], resources: [...new Set(bootstrap)] }] : []),
  ];
}

function boundaries(
  name: string,
  scope: Scope,
  start: string,
  management: readonly Statement[],
  opts: pulumi.CustomResourceOptions,
) {
  const build = new Boundary(
    `${name}-build`,
    {
      scope,
      what: BUILD,
      description: "What pipelines and builds can do at most",
      document: buildBoundary([`arn:${scope.partition}:iam::*:role/${start}deploy-*`]),
    },
    opts,
  );
  const boundary = new Boundary(
    `${name}-self`,
    {
      scope,
      what: DELIVERY,
      description: "What a deployment of the pipelines can do at most",
      document: deliveryBoundary(management),
    },
    opts,
  );
  return { build, boundary };
}
