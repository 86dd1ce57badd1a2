import type { ResourceStates } from "./collect";

/** What one resource costs a month, whether it is used or not, in USD. */
type Price = (inputs: Record<string, unknown>) => number;

/** Hours that AWS's price pages count for a month. */
const hours = 730;
const once =
  (monthly: number): Price =>
  () =>
    monthly;
const each =
  (monthly: number, count: (inputs: Record<string, unknown>) => number): Price =>
  (inputs) =>
    monthly * count(inputs);
const numberIn = (value: unknown, otherwise: number) => (typeof value === "number" && value >= 0 ? value : otherwise);

/**
 * Fixed prices of us-east-1 from the public price pages (aws.amazon.com/<service>/pricing, on-demand, without free tier and
 * discounts). Other regions differ by up to a half; docs/gates.md lists them and says how to give others.
 */
const prices: Readonly<Record<string, Price>> = {
  "aws:kms/key:Key": once(1),
  "aws:kms/replicaKey:ReplicaKey": once(1),
  "aws:secretsmanager/secret:Secret": once(0.4),
  "aws:cloudwatch/metricAlarm:MetricAlarm": each(0.1, ({ metricQueries }) =>
    Math.max(1, Array.isArray(metricQueries) ? metricQueries.length : 1),
  ),
  "aws:cloudwatch/compositeAlarm:CompositeAlarm": once(0.5),
  "aws:cloudwatch/dashboard:Dashboard": once(3),
  "aws:ec2/natGateway:NatGateway": once(0.045 * hours),
  "aws:ec2/eip:Eip": once(0.005 * hours),
  "aws:ec2/vpcEndpoint:VpcEndpoint": each(0.01 * hours, ({ vpcEndpointType, subnetIds }) =>
    vpcEndpointType === "Interface" ? Math.max(1, Array.isArray(subnetIds) ? subnetIds.length : 1) : 0,
  ),
  "aws:lb/loadBalancer:LoadBalancer": once(0.0225 * hours),
  "aws:kinesis/stream:Stream": each(0.015 * hours, ({ shardCount }) => numberIn(shardCount, 1)),
  "aws:route53/zone:Zone": once(0.5),
  "aws:dynamodb/table:Table": ({ billingMode, readCapacity, writeCapacity }) =>
    billingMode === "PAY_PER_REQUEST"
      ? 0
      : hours * (0.00013 * numberIn(readCapacity, 0) + 0.00065 * numberIn(writeCapacity, 0)),
};

/** Types that are paid by use: nothing in a plan says how much that will be. */
const paidByUse = [
  "aws:lambda/function:Function",
  "aws:s3/bucket:Bucket",
  "aws:sqs/queue:Queue",
  "aws:sfn/stateMachine:StateMachine",
  "aws:cloudwatch/logGroup:LogGroup",
  "aws:athena/workgroup:Workgroup",
  "aws:ecr/repository:Repository",
  "aws:codebuild/project:Project",
  "aws:glue/job:Job",
  "aws:glue/crawler:Crawler",
  "aws:scheduler/schedule:Schedule",
  "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig",
];

/** Types with a fixed price and the price of one of them with its smallest settings, for documentation and tests. */
export function fixedPrices(): [type: string, usd: number][] {
  const smallest = { vpcEndpointType: "Interface", readCapacity: 1, writeCapacity: 1 };
  return Object.entries(prices).map(([type, price]) => [type, cents(price(smallest))]);
}

/**
 * What a change adds to the fixed monthly costs of a stack.
 *
 * @param own prices of types in USD a month, instead of the public ones
 * @returns `monthlyCost` in USD, negative where it gets cheaper; `unpriced`: changed types that are paid by use
 */
export function costOf(
  states: readonly Pick<ResourceStates, "type" | "operation" | "old" | "new">[],
  own: Readonly<Record<string, number>> = {},
): { monthlyCost: number; unpriced: string[] } {
  const priceOf = (type: string, state: ResourceStates["new"]) => {
    if (state === undefined) return 0;
    if (Object.hasOwn(own, type)) return own[type]!;
    return Object.hasOwn(prices, type) ? prices[type]!(state.inputs ?? {}) : 0;
  };
  const changed = states.filter(({ operation }) => operation !== "same" && operation !== "read");
  const total = changed.reduce((sum, { type, operation, old, new: after }) => {
    const before = operation === "create" || operation === "import" ? undefined : old;
    const later = operation === "delete" || operation === "forget" ? undefined : after;
    return sum + priceOf(type, later) - priceOf(type, before);
  }, 0);
  const unpriced = changed.filter(({ type, operation }) => operation !== "update" && paidByUse.includes(type));
  return { monthlyCost: cents(total), unpriced: [...new Set(unpriced.map(({ type }) => type))].sort() };
}

function cents(value: number): number {
  return Math.round(value * 100) / 100;
}
