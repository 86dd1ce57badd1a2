import * as pulumi from "@pulumi/pulumi";
import { userError } from "../automation/errors";

/** One permission: actions on resources, under conditions. Only allows; denials belong to resource policies. */
export interface Statement {
  /** Full action names; no wildcards. */
  actions: readonly string[];
  /** ARNs; `*` only in {@link unscopable} statements. */
  resources: readonly pulumi.Input<string>[];
  conditions?: Record<string, Record<string, pulumi.Input<string>>>;
}

/** Whoever can be given permissions: a function, a state machine. */
export interface Grantee {
  /** Adds permissions. @throws `GrantTooLate` when the policy was already made */
  addStatements(...statements: Statement[]): void;
}

/**
 * Statements, each once. The datasets of a lake grant the same on their queues: resolving the outputs of five hundred equal
 * statements a role would take longer than making the resources.
 */
export class Statements {
  private readonly plain = new Map<string, Statement>();
  private readonly others: Statement[] = [];

  /** Adds statements; those with outputs are compared by the output itself, once it is known. */
  add(...statements: Statement[]): void {
    for (const statement of statements) {
      if (isPlain(statement)) this.plain.set(JSON.stringify(statement), statement);
      else this.others.push(statement);
    }
  }

  /** All of them. */
  get all(): readonly Statement[] {
    return [...this.plain.values(), ...this.others];
  }
}

function isPlain({ resources, conditions = {} }: Statement): boolean {
  const values = [...resources, ...Object.values(conditions).flatMap((each) => Object.values(each))];
  return values.every((value) => typeof value === "string");
}

/** Actions for which AWS offers no resource-level permission; the only statements on resource `*`. */
const unscopableActions = {
  /** X-Ray takes segments for the account as a whole. */
  tracing: ["xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets"],
  /** Metrics belong to no resource; Glue writes its jobs' into a name space of its own. */
  metrics: ["cloudwatch:PutMetricData"],
  /** Vended log deliveries, by which Step Functions writes its log group, are managed for the account as a whole. */
  logDelivery: [
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
  ],
} as const;

/** All actions that may stand on resource `*`: what policy tests allow. */
export const unscopable: ReadonlySet<string> = new Set(Object.values(unscopableActions).flat());

/** A statement on resource `*`, for actions that have no resource-level permission. */
export function unscopableStatement(what: keyof typeof unscopableActions): Statement {
  return { actions: unscopableActions[what], resources: ["*"] };
}

/** IAM's limit for all inline policies of one role, white space not counted. */
const INLINE_POLICY_LIMIT = 10_240;

/** {@link renderPolicy} of statements whose resources are not known yet. */
export function policyDocument(statements: readonly Statement[], owner: string): pulumi.Output<string> {
  return pulumi.output(statements).apply((resolved) => renderPolicy(resolved, owner));
}

/**
 * A policy document with statements of the same actions and conditions merged, in a stable order.
 *
 * @param owner whose policy it is, for the message
 * @throws user error `PolicyTooLarge` above IAM's 10,240 characters
 */
export function renderPolicy(statements: readonly pulumi.Unwrap<Statement>[], owner: string): string {
  const document = JSON.stringify({ Version: "2012-10-17", Statement: merge(statements) });
  if (document.length <= INLINE_POLICY_LIMIT) return document;
  throw userError(
    "PolicyTooLarge",
    `the policy of ${owner} has ${document.length} characters; IAM allows ${INLINE_POLICY_LIMIT} for a role`,
    "grant by a name, a prefix or a tag that the resources share, as the queues of datasets are (components/stages/queueFamily.ts)",
  );
}

function merge(statements: readonly pulumi.Unwrap<Statement>[]) {
  const merged = new Map<string, { Effect: "Allow"; Action: string[]; Resource: Set<string>; Condition?: object }>();
  for (const { actions, resources, conditions } of statements) {
    const key = JSON.stringify([[...actions].sort(), conditions ?? null]);
    const entry = merged.get(key) ?? {
      Effect: "Allow",
      Action: [...actions].sort(),
      Resource: new Set<string>(),
      ...(conditions && { Condition: conditions }),
    };
    for (const resource of resources) entry.Resource.add(resource);
    merged.set(key, entry);
  }
  return [...merged.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, entry]) => ({ ...entry, Resource: [...entry.Resource].sort() }));
}

/**
 * A trust policy that lets one AWS service take a role.
 *
 * @param account only for resources of this account; undefined where the service does not tell the source
 */
export function trustPolicy(service: string, account: string | undefined): string {
  return JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Action: "sts:AssumeRole",
        Principal: { Service: service },
        ...(account !== undefined && { Condition: { StringEquals: { "aws:SourceAccount": account } } }),
      },
    ],
  });
}

/** The denial that every resource policy starts with: nobody comes without TLS. */
export function denyWithoutTls(service: string, resources: readonly pulumi.Input<string>[]) {
  return {
    Sid: "DenyWithoutTls",
    Effect: "Deny",
    Principal: "*",
    Action: `${service}:*`,
    Resource: resources,
    Condition: { Bool: { "aws:SecureTransport": "false" } },
  };
}
