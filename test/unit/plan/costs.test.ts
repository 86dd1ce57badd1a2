import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { costOf, fixedPrices } from "../../../automation/plan/costs";
import type { ResourceStates } from "../../../automation/plan/collect";

type Given = Pick<ResourceStates, "type" | "operation" | "old" | "new">;

const state = (inputs: Record<string, unknown>) => ({ inputs }) as unknown as ResourceStates["new"];
const made = (type: string, inputs: Record<string, unknown> = {}): Given => ({
  type,
  operation: "create",
  old: undefined,
  new: state(inputs),
});
const gone = (type: string, inputs: Record<string, unknown> = {}): Given => ({
  type,
  operation: "delete",
  old: state(inputs),
  new: undefined,
});

const gateway = "aws:ec2/natGateway:NatGateway";
const table = "aws:dynamodb/table:Table";

describe("the fixed costs of a change", () => {
  it("are those of what comes less those of what goes", () => {
    assert.equal(
      costOf([made(gateway), made("aws:kms/key:Key"), gone("aws:cloudwatch/dashboard:Dashboard")]).monthlyCost,
      30.85,
    );
    const grown: Given = {
      type: table,
      operation: "update",
      old: state({ readCapacity: 5, writeCapacity: 5 }),
      new: state({ readCapacity: 10, writeCapacity: 5 }),
    };
    assert.equal(costOf([grown]).monthlyCost, 0.47);
    const moved: Given = { ...grown, new: state({ billingMode: "PAY_PER_REQUEST" }) };
    assert.equal(costOf([moved]).monthlyCost, -2.85);
  });

  it("count zones, shards and the metrics of an alarm", () => {
    const endpoint = "aws:ec2/vpcEndpoint:VpcEndpoint";
    assert.equal(
      costOf([made(endpoint, { vpcEndpointType: "Interface", subnetIds: ["a", "b", "c"] })]).monthlyCost,
      21.9,
    );
    assert.equal(costOf([made(endpoint, { vpcEndpointType: "Gateway" })]).monthlyCost, 0);
    assert.equal(
      costOf([made("aws:cloudwatch/metricAlarm:MetricAlarm", { metricQueries: [1, 2, 3] })]).monthlyCost,
      0.3,
    );
  });

  it("take the environment's own prices, also of types that have none here", () => {
    assert.equal(costOf([made(gateway), made("acme:x:Y")], { [gateway]: 40, "acme:x:Y": 2 }).monthlyCost, 42);
  });

  it("name what is paid by use and not counted", () => {
    assert.deepEqual(costOf([made("aws:lambda/function:Function"), gone("aws:s3/bucket:Bucket")]).unpriced, [
      "aws:lambda/function:Function",
      "aws:s3/bucket:Bucket",
    ]);
  });

  it("are documented with the prices that are used", () => {
    const text = readFileSync(path.resolve(__dirname, "../../../docs/gates.md"), "utf8");
    const rows = [...text.matchAll(/^\| `(aws:[^`]+)` \| ([\d.]+) \|/gm)].map(([, type, usd]) => [type, Number(usd)]);
    assert.deepEqual(rows, fixedPrices());
  });
});
