import type { StackTarget } from "../stacks/target";

/** A value as it is shown and saved: secrets, unknown values and code are placeholders in square brackets. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A change of one property. */
export interface PropertyChange {
  /** Where it is, e.g. `tags.team` or `policy.Statement[ReadRaw].Action`. */
  path: string;
  /** `add`: only afterwards; `remove`: only before; `order`: the same elements in another order. */
  kind: "add" | "remove" | "change" | "order";
  before?: Json;
  after?: Json;
}

/**
 * What happens to a resource. `replace`: the old one is deleted and a new one created, in whatever order. `forget`: it
 * stays in the cloud and leaves the state.
 */
export type Operation = "create" | "update" | "replace" | "delete" | "import" | "read" | "forget";

/** Why the end of a resource is more than the end of a configuration. */
export interface Stateful {
  /** What it holds, e.g. `objects`. */
  holds: string;
  /** What is lost with it. */
  loss: string;
}

/** One resource that a deployment would change. */
export interface PlannedResource {
  urn: string;
  /** Logical name. */
  name: string;
  type: string;
  operation: Operation;
  /** Only where data would be lost: a deletion or a replacement. */
  stateful?: Stateful;
  /** Properties that make a replacement necessary; empty for any other operation. */
  replacedBy: string[];
  properties: PropertyChange[];
}

/** How many resources change; components and the stack itself are not counted, a replacement is one. */
export interface PlanCounts {
  create: number;
  update: number;
  replace: number;
  delete: number;
  same: number;
}

/** What a policy of the policy pack finds. */
export interface Violation {
  policy: string;
  /** Policy pack and its version. */
  pack: string;
  /** Only a `mandatory` one stops a deployment. */
  level: "advisory" | "mandatory";
  /** Logical name and type; undefined for one about the whole stack. */
  resource?: string;
  message: string;
}

/** A permission that a change would give and that was not there, as automation/permissions found it. */
export interface PlannedBroadening {
  /** `allow`, or what kept something out and does not any more; see automation/permissions. */
  kind: "allow" | "deny-lifted" | "limit-widened" | "barrier-lifted" | "unknown";
  severity: "low" | "medium" | "high" | "critical";
  principal: string;
  /** Wildcards where these are complete. */
  actions: string[];
  resources: string[];
  /** What narrows it, in words; empty: nothing. */
  conditions: string[];
  /** The resource whose policy gives it, the property, and the statement. */
  via: string;
  /** The role or resource of the policy is made by the same change. */
  fresh: boolean;
  /** Why it counts as broadening although it could not be decided. */
  undecided?: string;
}

/** What a deployment would do to one stack. */
export interface StackPlan {
  target: StackTarget;
  /** The stack's own account where it is known. */
  account?: string;
  counts: PlanCounts;
  resources: PlannedResource[];
  broadenings: PlannedBroadening[];
  violations: Violation[];
  /** Change of the fixed monthly costs in USD; see docs/gates.md for what that covers. */
  monthlyCost: number;
  /** Types that are priced by use, so that their cost is not in `monthlyCost`. */
  unpriced: string[];
}

/** What a deployment would do to an environment. */
export interface EnvironmentPlan {
  /** Of this format. */
  version: 1;
  env: string;
  project: string;
  /** ISO 8601. */
  createdAt: string;
  /** Waves in order, in each the stacks by name. */
  stacks: StackPlan[];
  /** SHA-256 over all that is planned, times left out: the same plan has the same digest. Hexadecimal. */
  digest: string;
}

/** Name of a plan for people and for `tributary approve`: the digest's first 12 digits. */
export function planId(plan: Pick<EnvironmentPlan, "digest">): string {
  return plan.digest.slice(0, 12);
}
