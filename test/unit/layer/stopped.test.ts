import assert from "node:assert/strict";
import { processData } from "../../../layer/flow/process-data";
import { publish } from "../../../layer/flow/publish";
import { redriveStageB } from "../../../layer/flow/redrive";
import { recordStopped } from "../../../layer/flow/stopped-b";
import { stageBStateSchema } from "../../../layer/messages";
import { readMetrics } from "../../../layer/store/metrics";
import { serviceError } from "./fakes/command";
import { FakeLake, QUEUES, record } from "./fakes/lake";
import { compare, KEY, NAME } from "./support/reconcile";

const REQUEST = { ...NAME, max: 100 };

/** Objects in a Stage B execution that does not come to its end; answers the execution's input. */
async function stopped(...names: string[]): Promise<{ lake: FakeLake; input: string }> {
  const lake = new FakeLake();
  for (const [index, name] of names.entries()) await lake.arrive(`${KEY}${name}`, record(index + 1));
  await lake.route();
  await lake.stageA();
  await lake.startB();
  return { lake, input: lake.stageBExecutions.stop()[0] as string };
}

/** What EventBridge tells of an execution. */
function eventOf(input: string, detail: object = {}, change: object = {}): string {
  const { batchId } = JSON.parse(input) as { batchId: string };
  return JSON.stringify({
    ...{ version: "0", id: "1", source: "aws.states", account: "000000000000", time: "2026-11-21T12:00:00Z" },
    "detail-type": "Step Functions Execution Status Change",
    detail: {
      ...{ executionArn: `machine-b:${batchId}`, stateMachineArn: "machine-b", name: batchId, status: "ABORTED" },
      ...{ input, inputDetails: { included: true }, error: "Wrong", cause: "by hand" },
      ...detail,
    },
    ...change,
  });
}

/** Errors of the events that stay in the queue. */
async function handled(...bodies: string[]): Promise<Error[]> {
  const records = bodies.map((body, index) => ({ messageId: String(index), body }) as never);
  return [...(await recordStopped(records)).values()] as Error[];
}

function outcomes(lake: FakeLake): string[] {
  return lake.objects().map(({ status, stage, error }) => `${status} ${stage} ${error?.code}`);
}

describe("layer: executions of Stage B that are ended from outside", () => {
  for (const status of ["ABORTED", "TIMED_OUT", "FAILED"]) {
    it(`fails the objects of one that ${status}, counts and tells them, and redrives them`, async () => {
      const { lake, input } = await stopped("a.json", "b.json");
      assert.deepEqual(await handled(eventOf(input, { status })), []);
      assert.deepEqual(outcomes(lake), Array(2).fill("FAILED B BatchStopped"));
      assert.match(lake.object(`${KEY}a.json`).error?.message ?? "", new RegExp(`${status}: Wrong: by hand$`));
      const failures = lake.history().filter((one) => one.stage === "B" && one.status === "FAILED");
      assert.equal(failures.length, 2);
      assert.equal((await readMetrics(NAME.team, NAME.dataset)).failed, 2);
      assert.deepEqual(lake.sqs.messages(QUEUES.bDlq)[0]?.attributes, { stage: "B", reason: "BatchStopped" });
      assert.equal((await redriveStageB({ ...REQUEST, reason: "BatchStopped" })).redriven, 2);
      await lake.settle();
      assert.deepEqual(outcomes(lake), Array(2).fill("PROCESSED undefined undefined"));
      assert.equal(lake.files().length, 2);
    });
  }

  it("reads the input that was too large for the event", async () => {
    const { lake, input } = await stopped("a.json");
    const without = { input: null, inputDetails: { included: false } };
    assert.deepEqual(await handled(eventOf(input, without)), []);
    assert.deepEqual(outcomes(lake), ["FAILED B BatchStopped"]);
    assert.equal(lake.stageBExecutions.described.length, 1);
  });

  it("gives one outcome for an event that comes twice, at once and after its redrive", async () => {
    const { lake, input } = await stopped("a.json");
    assert.deepEqual(await handled(eventOf(input), eventOf(input)), []);
    assert.equal(lake.sqs.messages(QUEUES.bDlq).length, 1);
    assert.equal((await readMetrics(NAME.team, NAME.dataset)).failed, 1);
    await redriveStageB(REQUEST);
    assert.deepEqual(await handled(eventOf(input)), [], "back at STAGE_A_DONE");
    await lake.startB();
    assert.deepEqual(await handled(eventOf(input)), [], "in another batch");
    assert.equal(lake.object(`${KEY}a.json`).status, "STAGE_B");
    await lake.settle();
    assert.deepEqual(await handled(eventOf(input)), [], "processed");
    assert.deepEqual(outcomes(lake), ["PROCESSED undefined undefined"]);
    assert.equal(lake.files().length, 1);
    assert.equal((await readMetrics(NAME.team, NAME.dataset)).failed, 1);
  });

  it("leaves the outcomes alone that the execution's own Error state recorded, and sends what that could not", async () => {
    const { lake, input } = await stopped("a.json");
    let refused = 0;
    lake.sqs.before = (name, request) => {
      const { QueueUrl } = request as { QueueUrl?: string };
      if (name === "SendMessageBatchCommand" && QueueUrl === QUEUES.bDlq && refused++ < 40)
        throw serviceError("ServiceUnavailable", 503);
    };
    lake.breaks = { state: "ProcessData", error: new RangeError("timed out"), times: 1 };
    await assert.rejects(lake.runBatch(input));
    lake.sqs.before = () => undefined;
    assert.deepEqual([outcomes(lake), lake.sqs.messages(QUEUES.bDlq).length], [["FAILED B BatchFailed"], 0]);
    assert.deepEqual(await handled(eventOf(input, { status: "FAILED" })), []);
    assert.deepEqual(outcomes(lake), ["FAILED B BatchFailed"]);
    assert.equal(lake.sqs.messages(QUEUES.bDlq).length, 1);
    assert.equal((await readMetrics(NAME.team, NAME.dataset)).failed, 1);
  });

  it("leaves a batch alone that was published before it was stopped", async () => {
    const { lake, input } = await stopped("a.json");
    await lake.runBatch(input);
    assert.deepEqual(await handled(eventOf(input)), []);
    assert.deepEqual(outcomes(lake), ["PROCESSED undefined undefined"]);
    assert.deepEqual([lake.files().length, lake.sqs.messages(QUEUES.bDlq).length], [1, 0]);
  });

  it("keeps files out of the table that were put before the event, and by a function that goes on after it", async () => {
    const { lake, input } = await stopped("a.json", "b.json");
    const state = stageBStateSchema.parse(JSON.parse(input));
    await processData(state);
    assert.equal(lake.files().length, 2);
    assert.deepEqual(await handled(eventOf(input)), []);
    assert.deepEqual(lake.files(), []);
    const late = await processData(state);
    assert.deepEqual(lake.files(), [], "what came too late");
    for (const file of late.processed?.[0]?.files ?? []) lake.s3.put("stage", file, "PAR1");
    await publish(late);
    assert.deepEqual(
      [outcomes(lake), lake.files()],
      [Array(2).fill("FAILED B BatchStopped"), []],
      "published too late",
    );
    await redriveStageB(REQUEST);
    await lake.startB();
    await processData(state);
    assert.equal(lake.files().length, 2, "another batch's files have the same names");
    await lake.settle();
    assert.deepEqual((await compare()).found, []);
  });

  it("tries again what could not be recorded", async () => {
    const { lake, input } = await stopped("a.json");
    lake.dynamodb.before = () => {
      throw serviceError("ServiceUnavailable", 503);
    };
    assert.equal((await handled(eventOf(input))).length, 1);
    lake.dynamodb.before = () => undefined;
    assert.deepEqual(await handled(eventOf(input)), []);
    assert.deepEqual(outcomes(lake), ["FAILED B BatchStopped"]);
  });

  const another = (input: string, change: object) => JSON.stringify({ ...(JSON.parse(input) as object), ...change });
  const foreign: [string, (input: string) => string][] = [
    ["no JSON", () => "{"],
    ["of another service", (input) => eventOf(input, {}, { source: "aws.batch" })],
    ["of another kind", (input) => eventOf(input, {}, { "detail-type": "Object Created" })],
    ["about an execution that runs", (input) => eventOf(input, { status: "RUNNING" })],
    ["about one that came to its end", (input) => eventOf(input, { status: "SUCCEEDED" })],
    ["of another machine", (input) => eventOf(input, { stateMachineArn: "machine-a" })],
    ["of another lake's execution", (input) => eventOf(input, { executionArn: "machine-c:batch" })],
    ["with the input of another batch", (input) => eventOf(input, { input: another(input, { batchId: "another" }) })],
    ["with objects of another dataset", (input) => eventOf(input, { input: another(input, { dataset: "others" }) })],
    ["without an input that could be read", (input) => eventOf(input, { input: "[]" })],
    [
      "about an execution that is not there",
      (input) => eventOf(input, { name: "gone", executionArn: "machine-b:gone", input: undefined }),
    ],
  ];
  for (const [what, event] of foreign) {
    it(`refuses an event that is ${what}, and does what stands beside it`, async () => {
      const { lake, input } = await stopped("a.json");
      const [error, ...more] = await handled(event(input));
      assert.equal((error as Error & { code: string }).code, "EventInvalid");
      assert.deepEqual([more.length, lake.object(`${KEY}a.json`).status], [0, "STAGE_B"]);
      assert.equal((await handled(event(input), eventOf(input))).length, 1);
      assert.deepEqual(outcomes(lake), ["FAILED B BatchStopped"]);
    });
  }
});
