import { strict as assert } from "node:assert";
import { runSimulation, runUnsafeSimulation, type Simulation } from "@cloud-copilot/iam-simulate";
import type { PolicyStatement } from "../../../../automation/permissions";
import { ACCOUNT, OTHER_ACCOUNT, policy } from "./states";

/** Policies that decide a request. */
export interface Policies {
  identity?: readonly PolicyStatement[];
  boundary?: readonly PolicyStatement[];
  resource?: readonly PolicyStatement[];
}

/** Requests that the policies of these tests tell apart. */
const requests = [
  ...["s3:GetObject", "s3:PutObject", "s3:DeleteObject"].flatMap((action) =>
    ["a/x", "ab/x", "ab/y", "ab/red/1", "ab/blue/1", "c/x"].map((key) => ({ action, resource: `arn:aws:s3:::${key}` })),
  ),
  ...["a", "ab", "c"].map((name) => ({ action: "s3:ListBucket", resource: `arn:aws:s3:::${name}` })),
  ...["sqs:SendMessage", "sqs:DeleteMessage"].flatMap((action) =>
    ["eu-west-1:111122223333:q", "us-east-1:111122223333:q", "eu-west-1:111122223333:q2"].map((name) => ({
      action,
      resource: `arn:aws:sqs:${name}`,
    })),
  ),
];

/** Who asks. */
export const askers = {
  role: [`arn:aws:sts::${ACCOUNT}:assumed-role/r/s`],
  everybody: [
    `arn:aws:sts::${ACCOUNT}:assumed-role/r/s`,
    `arn:aws:sts::${ACCOUNT}:assumed-role/r/t`,
    `arn:aws:iam::${ACCOUNT}:user/nobody`,
    `arn:aws:iam::${ACCOUNT}:user/admin`,
    `arn:aws:iam::${OTHER_ACCOUNT}:user/u`,
    `arn:aws:sts::${OTHER_ACCOUNT}:assumed-role/x/s`,
  ],
} as const;

/** Requests that are tried for one change: the simulator needs up to 1 ms for each. */
const SAMPLE = 25;

/**
 * The first request that is not allowed before and is allowed after, by a simulator that has nothing to do with this project.
 *
 * @param seed which of the requests are tried, if not all
 * @returns undefined if there is none among the requests of these tests
 */
export async function flipped(
  before: Policies,
  after: Policies,
  principals: readonly string[],
  contexts: readonly Record<string, string | string[]>[],
  seed: number,
): Promise<string | undefined> {
  const all = principals.flatMap((principal) =>
    requests.flatMap(({ action, resource }) =>
      contexts.map((contextVariables) => ({
        principal,
        action,
        resource: { resource, accountId: ACCOUNT },
        contextVariables,
      })),
    ),
  );
  const step = Math.max(1, Math.floor(all.length / SAMPLE));
  for (const request of all.filter((_, at) => at % step === seed % step)) {
    if ((await isAllowed(after, request)) && !(await isAllowed(before, request))) return JSON.stringify(request);
  }
  return undefined;
}

/** The first request to take the role `r` that is not allowed before and is allowed after. */
export async function takenBy(
  before: readonly PolicyStatement[],
  after: readonly PolicyStatement[],
  contexts: readonly Record<string, string | string[]>[],
): Promise<string | undefined> {
  for (const principal of askers.everybody) {
    for (const contextVariables of contexts) {
      const resource = { resource: `arn:aws:iam::${ACCOUNT}:role/r`, accountId: ACCOUNT };
      const request = { principal, action: "sts:AssumeRole", resource, contextVariables };
      if ((await isAllowed({ resource: after }, request)) && !(await isAllowed({ resource: before }, request))) {
        return JSON.stringify(request);
      }
    }
  }
  return undefined;
}

async function isAllowed({ identity, boundary, resource }: Policies, request: Simulation["request"]): Promise<boolean> {
  const named = (statements: readonly PolicyStatement[], name: string) => [{ name, policy: policy(statements) }];
  const simulation: Simulation = {
    request,
    identityPolicies: named(ownPolicy(request.principal as string, identity), "identity"),
    serviceControlPolicies: [],
    resourceControlPolicies: [],
    ...(boundary && { permissionBoundaryPolicies: named(boundary, "boundary") }),
    ...(resource && { resourcePolicy: policy(resource) }),
  };
  if (!resource) return runUnsafeSimulation(simulation, {}) === "Allowed";
  const result = await runSimulation(simulation, {});
  assert.notEqual(result.resultType, "error", JSON.stringify(result));
  return result.resultType !== "error" && result.overallResult === "Allowed";
}

/** The role has the policies at hand; others have all or nothing, so that only the resource's policy decides. */
function ownPolicy(principal: string, identity: readonly PolicyStatement[] = []): readonly PolicyStatement[] {
  if (principal.includes("/r/")) return identity;
  return principal.endsWith("/nobody") ? [] : [{ Effect: "Allow", Action: "*", Resource: "*" }];
}
