import type { Registered } from "../components/support/mocks";

/** A limit of AWS that a program with many datasets could meet. */
export interface Limit {
  what: string;
  /** Most that AWS takes. */
  most: number;
  /** Where AWS says so. */
  source: string;
  /** What the resources of one lake have: a figure each, by what it is of. */
  found: (resources: readonly Registered[]) => [name: string, value: number][];
}

const iam = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html";
const lambda = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html";
const sqs = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-policies.html";
const events = "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html";

const statementsOf = (policy: string) => (JSON.parse(policy) as { Statement: unknown[] }).Statement;

/** A figure for each resource of a type. */
function each(type: string, value: (inputs: Registered["inputs"]) => number): Limit["found"] {
  return (resources) =>
    resources.filter((one) => one.type === type).map(({ name, inputs }): [string, number] => [name, value(inputs)]);
}

/** One figure for all resources of some types, by what they belong to. */
function together(
  types: Record<string, (inputs: Registered["inputs"]) => string>,
  value: (inputs: Registered["inputs"]) => number = () => 1,
): Limit["found"] {
  return (resources) => {
    const sums = new Map<string, number>();
    for (const { type, inputs } of resources) {
      const owner = types[type]?.(inputs);
      if (owner !== undefined) sums.set(owner, (sums.get(owner) ?? 0) + value(inputs));
    }
    return [...sums];
  };
}

const roleOf = (inputs: Registered["inputs"]) => String(inputs.role);
const environmentBytes = (inputs: Registered["inputs"]) =>
  Buffer.byteLength(
    Object.entries((inputs.environment as { variables?: object } | undefined)?.variables ?? {})
      .flat()
      .join(""),
  );

/** The limits, with the quota that a new account has. */
export const limits: readonly Limit[] = [
  {
    what: "lifecycle rules of a bucket",
    most: 1_000,
    source: "https://docs.aws.amazon.com/general/latest/gr/s3.html",
    found: each(
      "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
      ({ rules }) => (rules as unknown[]).length,
    ),
  },
  {
    what: "characters of all inline policies of a role",
    most: 10_240,
    source: iam,
    found: together(
      { "aws:iam/rolePolicy:RolePolicy": roleOf },
      ({ policy }) => String(policy).replace(/\s/g, "").length,
    ),
  },
  {
    what: "managed policies attached to a role",
    most: 10,
    source: iam,
    found: together({ "aws:iam/rolePolicyAttachment:RolePolicyAttachment": roleOf }),
  },
  {
    what: "characters of a managed policy",
    most: 6_144,
    source: iam,
    found: each("aws:iam/policy:Policy", ({ policy }) => String(policy).replace(/\s/g, "").length),
  },
  {
    what: "characters of a trust policy",
    most: 2_048,
    source: iam,
    found: each("aws:iam/role:Role", ({ assumeRolePolicy }) => String(assumeRolePolicy).length),
  },
  { what: "roles of an account", most: 1_000, source: iam, found: together({ "aws:iam/role:Role": () => "the lake" }) },
  {
    what: "bytes of a function's environment",
    most: 4_096,
    source: lambda,
    found: each("aws:lambda/function:Function", environmentBytes),
  },
  {
    what: "permissions in a function's policy (20 KB, about 300 bytes each)",
    most: 60,
    source: lambda,
    found: together({ "aws:lambda/permission:Permission": ({ function: name }) => String(name) }),
  },
  {
    what: "bytes of a queue's policy",
    most: 8_192,
    source: sqs,
    found: each("aws:sqs/queue:Queue", ({ policy }) => Buffer.byteLength(String(policy))),
  },
  {
    what: "statements of a queue's policy",
    most: 20,
    source: sqs,
    found: each("aws:sqs/queue:Queue", ({ policy }) => statementsOf(String(policy)).length),
  },
  {
    what: "characters of a queue's name",
    most: 80,
    source: "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html",
    found: each("aws:sqs/queue:Queue", ({ name }) => String(name).length),
  },
  {
    what: "rules of an event bus",
    most: 300,
    source: events,
    found: together({ "aws:cloudwatch/eventRule:EventRule": ({ eventBusName }) => String(eventBusName ?? "default") }),
  },
  {
    what: "targets of a rule",
    most: 5,
    source: events,
    found: together({ "aws:cloudwatch/eventTarget:EventTarget": ({ rule }) => String(rule) }),
  },
  {
    what: "bytes of an item",
    most: 400 * 1024,
    source: "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html",
    found: each("aws:dynamodb/tableItem:TableItem", ({ item }) => Buffer.byteLength(String(item))),
  },
  {
    what: "bytes of an event that a schedule gives a function",
    most: 256 * 1024,
    source: lambda,
    found: each("aws:scheduler/schedule:Schedule", ({ target }) => Buffer.byteLength(String(target?.input ?? ""))),
  },
  {
    what: "bytes of a state machine's definition",
    most: 1024 ** 2,
    source: "https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html",
    found: each("aws:sfn/stateMachine:StateMachine", ({ definition }) => Buffer.byteLength(String(definition))),
  },
  {
    what: "rules of a bucket's lifecycle",
    most: 1_000,
    source: "https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lifecycle-mgmt.html",
    found: each("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", ({ rules }) => rules.length),
  },
  {
    what: "routes of an HTTP API",
    most: 300,
    source: "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html",
    found: together({ "aws:apigatewayv2/route:Route": ({ apiId }) => String(apiId) }),
  },
  {
    what: "bytes of a key's policy",
    most: 32 * 1024,
    source: "https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html",
    found: each("aws:kms/key:Key", ({ policy }) => Buffer.byteLength(String(policy ?? ""))),
  },
];

/** What breaks a limit, a sentence each; empty when AWS would take it all. */
export function brokenLimits(resources: readonly Registered[]): string[] {
  return limits.flatMap(({ what, most, source, found }) =>
    found(resources)
      .filter(([, value]) => value > most)
      .map(([name, value]) => `${name}: ${value} ${what}; AWS takes ${most} (${source})`),
  );
}
