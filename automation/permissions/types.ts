/** A resource as the engine records it (state) or plans it (preview): what {@link extractGrants} reads. */
export interface ResourceState {
  urn: string;
  /** Pulumi's type token, e.g. `aws:iam/role:Role`. */
  type: string;
  /** The provider's id; empty or absent as long as the resource does not exist. */
  id?: string;
  inputs: Record<string, unknown>;
  /** Recorded outputs: names and ARNs that inputs do not hold. */
  outputs?: Record<string, unknown>;
}

/** One or many of the same: policies allow both spellings nearly everywhere. */
export type OneOrMany<T> = T | readonly T[];

/** A statement of a policy, in AWS's own spelling. */
export interface PolicyStatement {
  Sid?: string;
  Effect: string;
  Principal?: string | Record<string, OneOrMany<string>>;
  NotPrincipal?: string | Record<string, OneOrMany<string>>;
  Action?: OneOrMany<string>;
  NotAction?: OneOrMany<string>;
  Resource?: OneOrMany<string>;
  NotResource?: OneOrMany<string>;
  Condition?: Record<string, Record<string, OneOrMany<string | number | boolean>>>;
}

/** A policy document, in AWS's own spelling. */
export interface PolicyDocument {
  Version?: string;
  Id?: string;
  Statement: OneOrMany<PolicyStatement>;
}

/** Where a policy is written. */
export interface PolicySource {
  urn: string;
  /** Input that holds the document, e.g. `assumeRolePolicy` or `inlinePolicies[0].policy`. */
  property: string;
}

/**
 * Whose permissions a policy decides. `identity`: a role, user or group; `trust`: who may assume a role; `resource`: who may
 * use a resource; `policy`: whoever has a managed policy.
 */
export type SubjectKind = "identity" | "trust" | "resource" | "policy";

/** Whose permissions a policy decides. */
export interface Subject {
  /** Equal before and after a change, even if the physical name changes. */
  key: string;
  kind: SubjectKind;
  /** For people: `role/tributary-dev-stage-a`, an ARN, a queue's URL. */
  label: string;
  /** Account of the subject, where an ARN tells it. */
  account?: string;
  /** Account that everything else of the stack is in; only a guess for the subject, for how much a stranger matters. */
  home?: string;
}

/** One policy that applies to one subject. */
export interface Grant {
  subject: Subject;
  /** `limit`: a permissions boundary or endpoint policy, which allows nothing by itself and caps what others allow. */
  effect: "grant" | "limit";
  source: PolicySource;
  /** The document, unless it is elsewhere (`reference`) or not known yet (`unknown`). */
  document?: PolicyDocument;
  /** ARN of a managed policy whose content is not in the state. */
  reference?: string;
  /** Why the document cannot be read. */
  unknown?: string;
}

/** A switch beside the policies that keeps the public or strangers out while it is on. */
export interface Barrier {
  subject: Subject;
  source: PolicySource;
  /** What is possible as soon as it is off. */
  keepsOut: string;
  on: boolean;
}

/** All that a set of resources allows: what {@link broadenings} compares. */
export interface Grants {
  grants: readonly Grant[];
  barriers: readonly Barrier[];
  /** Who runs as a role: key of the one -> key of the role. What the role may do is told of the role, unless that changes. */
  runsAs: ReadonlyMap<string, string>;
  /** Keys of the subjects that are resources of the same set: those can come and go with the change. */
  owned: ReadonlySet<string>;
}

/** How much a broadening matters: `critical` is open to the world or all-powerful, `low` is reading or merely possible. */
export type Severity = "low" | "medium" | "high" | "critical";

/**
 * `allow`: something is allowed that was not. `deny-lifted`: a denial is gone or narrower. `limit-widened`: a permissions
 * boundary or the like lets more pass. `barrier-lifted`: a switch that keeps strangers out is off. `unknown`: what will
 * be allowed is not known before the deployment.
 */
export type BroadeningKind = "allow" | "deny-lifted" | "limit-widened" | "barrier-lifted" | "unknown";

/** One thing that a change would newly allow. */
export interface Broadening {
  kind: BroadeningKind;
  /** Who gains it: `role/…`, an ARN, `Service:…`, `*` for everybody. */
  principal: string;
  /** Actions, as wildcards where these are complete. */
  actions: readonly string[];
  resources: readonly string[];
  /** Under which conditions, in words; empty for none. */
  conditions: readonly string[];
  /** The policy that allows it (or that denied it), and the statement: its Sid or `Statement[n]`. */
  via: PolicySource & { statement: string };
  severity: Severity;
  /** True if role or resource of this policy are made by the same change. */
  fresh: boolean;
  /** Why it could not be decided, and therefore counts. */
  undecided?: string;
}
