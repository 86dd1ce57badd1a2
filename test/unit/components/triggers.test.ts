import assert from "node:assert/strict";
import validate from "asl-validator";
import { backfillDefinition } from "../../../components/stages/backfillDefinition";
import type { Manifest } from "../../../layer/manifest-schema";
import { lake, manifest } from "./support/lake";
import { inputsOf, ofType, run, type Registered } from "./support/mocks";

/* eslint-disable @typescript-eslint/no-explicit-any -- definitions and policies are plain JSON */

const SCHEDULE = "aws:scheduler/schedule:Schedule";
const ours = (name: string) => name.startsWith("lake-ingress");

const build = async (triggers: Manifest["triggers"][]) => {
  const manifests = triggers.map((each, index) => {
    return { ...manifest, dataset: `d${index}`, table: `t${index}`, triggers: each };
  });
  return run(() => lake("dev", {}, manifests).outputs);
};

const policyOf = (resources: Registered[], name: string): any[] => {
  const { policy } = inputsOf(resources, "aws:iam/rolePolicy:RolePolicy", `${name}-policy`);
  return (JSON.parse(policy as string) as { Statement: any[] }).Statement;
};

const definition = backfillDefinition({
  partition: "aws",
  functionArn: "arn:aws:lambda:eu-west-1:123456789012:function:backfill:live",
  rawBucket: "raw",
  results: { bucket: "analytics", prefix: "backfill" },
  concurrency: 10,
  timeouts: { call: 120, machine: 86_400 },
});

describe("the backfill's definition", function () {
  this.timeout(20_000);
  const states = definition.States as Record<string, any>;

  it("is valid, and noticed when it is not", () => {
    const { isValid, errorsText } = validate(definition as never, { checkArn: true, checkPaths: true });
    assert.ok(isValid, errorsText("\n"));
    assert.ok(!validate({ ...definition, StartAt: "Nowhere" } as never).isValid);
  });

  it("lists below the prefix, in batches whose input and results fit", () => {
    const { ItemReader, ItemBatcher, ResultWriter, ItemProcessor } = states.List;
    assert.deepEqual(ItemReader.Parameters, { Bucket: "raw", "Prefix.$": "$.prefix" });
    // A listed object is at most a key of 1,024 bytes and 400 more, the request 400; a state may have 256 KiB.
    assert.ok(ItemBatcher.MaxInputBytesPerBatch < 256 * 1024);
    assert.ok(ItemBatcher.MaxItemsPerBatch <= 100);
    assert.deepEqual(ResultWriter.Parameters, { Bucket: "analytics", Prefix: "backfill" });
    assert.deepEqual(ItemProcessor.ProcessorConfig, { Mode: "DISTRIBUTED", ExecutionType: "EXPRESS" });
  });

  it("tries every call again, with jitter, within what an Express child may take", () => {
    const calls = [states.Begin, states.Named, states.Finish, states.List.ItemProcessor.States.Register];
    for (const { Retry, TimeoutSeconds } of calls) {
      assert.deepEqual([Retry[0].ErrorEquals, Retry[0].JitterStrategy], [["States.ALL"], "FULL"]);
      assert.ok(TimeoutSeconds < 300);
    }
  });

  it("does what it can when some batches fail, and fails in the end", () => {
    assert.equal(states.List.ToleratedFailurePercentage, 10);
    assert.equal(states.AnyFailed.Choices[0].Next, "Incomplete");
    assert.equal(states.Incomplete.Type, "Fail");
  });
});

describe("triggers of datasets", () => {
  const quiet = { events: true, http: false };

  it("add nothing where no manifest asks for them", async () => {
    const { resources, outputs } = await build([quiet, quiet]);
    const made = [SCHEDULE, "aws:apigatewayv2/api:Api"].flatMap((type) => ofType(resources, type));
    assert.deepEqual(
      made.filter(({ name }) => ours(name)),
      [],
    );
    assert.equal(outputs.functions.trigger, undefined);
    assert.equal("httpApiUrl" in outputs, false);
    assert.match(outputs.backfillStateMachineArn, /stateMachine:/);
  });

  it("are one schedule a dataset, with one role that starts the backfill and nothing else, and one DLQ", async () => {
    const scheduled = { ...quiet, schedule: "rate(1 hour)" };
    const { resources } = await build([scheduled, quiet, { ...scheduled, schedule: "cron(0 6 * * ? *)" }]);
    const schedules = ofType(resources, SCHEDULE).flatMap(({ name, inputs }) => (ours(name) ? [inputs] : []));
    assert.deepEqual(schedules.map(({ scheduleExpression }) => scheduleExpression).sort(), [
      "cron(0 6 * * ? *)",
      "rate(1 hour)",
    ]);
    for (const { target } of schedules) {
      assert.match(target.deadLetterConfig.arn as string, /schedules-dlq$/);
      assert.match(target.arn as string, /backfills$/);
    }
    assert.deepEqual(JSON.parse(schedules[0]?.target.input as string), {
      ...{ team: "engineering", dataset: "d0", origin: "schedule" },
    });
    const actions = policyOf(resources, "lake-ingress-schedules").flatMap(({ Action }) => Action as string[]);
    assert.deepEqual(actions.sort(), ["sqs:SendMessage", "states:StartExecution"]);
    const dlqs = ofType(resources, "aws:sqs/queue:Queue").filter(({ name }) => name === "lake-ingress-schedules-dlq");
    assert.equal(dlqs.length, 1);
  });

  it("are one HTTP API for all datasets that want it: IAM on every route, throttled, logged", async () => {
    const { resources, outputs } = await build([{ ...quiet, http: true }, quiet, { ...quiet, http: true }]);
    assert.equal(ofType(resources, "aws:apigatewayv2/api:Api").length, 1);
    const routes = ofType(resources, "aws:apigatewayv2/route:Route").map(({ inputs }) => inputs);
    assert.deepEqual(routes.map(({ routeKey }) => routeKey).sort(), [
      "GET /datasets/{team}/{dataset}/executions/{id}",
      "POST /datasets/{team}/{dataset}/executions",
    ]);
    assert.ok(routes.every(({ authorizationType }) => authorizationType === "AWS_IAM"));
    const stage = inputsOf(resources, "aws:apigatewayv2/stage:Stage");
    assert.deepEqual(
      [stage.defaultRouteSettings.throttlingRateLimit, stage.defaultRouteSettings.throttlingBurstLimit],
      [20, 40],
    );
    assert.ok(JSON.parse(stage.accessLogSettings.format as string).caller);
    const { principal, qualifier } = inputsOf(resources, "aws:lambda/permission:Permission");
    assert.deepEqual([principal, qualifier], ["apigateway.amazonaws.com", "live"]);
    assert.ok(outputs.functions.trigger);
  });

  it("give the API's function the backfill's machine and nothing of the data", async () => {
    const { resources } = await build([{ ...quiet, http: true }]);
    const statements = policyOf(resources, "lake-trigger");
    const services = new Set(statements.flatMap(({ Action }) => (Action as string[]).map((one) => one.split(":")[0])));
    assert.ok(!services.has("s3") && !services.has("sqs"), [...services].join());
    const states = statements.filter(({ Action }) => (Action as string[]).some((one) => one.startsWith("states:")));
    assert.deepEqual(states.flatMap(({ Action }) => Action as string[]).sort(), [
      "states:DescribeExecution",
      "states:StartExecution",
    ]);
    for (const { Resource } of states) assert.match(String(Resource), /backfills/);
  });

  it("let the backfill read raw objects and send arrivals, and change no object", async () => {
    const { resources } = await build([quiet]);
    const actions = policyOf(resources, "lake-backfill").flatMap(({ Action }) => Action as string[]);
    assert.ok(actions.includes("s3:GetObject") && actions.includes("sqs:SendMessage"));
    for (const forbidden of ["s3:PutObject", "s3:DeleteObject", "dynamodb:DeleteItem", "dynamodb:Scan"])
      assert.ok(!actions.includes(forbidden), forbidden);
  });
});
