import { SendMessageBatchCommand } from "@aws-sdk/client-sqs";
import assert from "node:assert/strict";
import { recordErrorsA } from "../../../layer/flow/error-a";
import { preUpdate } from "../../../layer/flow/pre-update";
import type { Redriven } from "../../../layer/dlq";
import { redriveStageA, redriveStageB } from "../../../layer/flow/redrive";
import { LEASE } from "../../../layer/lease";
import { stageAMessageSchema } from "../../../layer/messages";
import { serviceError } from "./fakes/command";
import { FakeLake, QUEUES, record } from "./fakes/lake";

const KEY = "engineering/meteorites/";
const REQUEST = { team: "engineering", dataset: "meteorites", max: 100 };

describe("layer: retries and redrives", () => {
  it("retries a passing error, keeps the order of the group, and counts real attempts only", async () => {
    const lake = new FakeLake({ group: "dataset" });
    for (let i = 0; i < 5; i++) {
      await lake.arrive(`${KEY}${i}.json`, record(i));
      // Routed one by one, each has a message of its own.
      await lake.route();
    }
    let left = 2;
    lake.s3.before = (name, input) => {
      if (name === "GetObjectCommand" && (input as { Key: string }).Key === `${KEY}1.json` && left-- > 0)
        throw serviceError("SlowDown", 503);
    };
    await lake.settle();
    assert.deepEqual(
      lake
        .objects()
        .map(({ key, attempts }) => [key.slice(-6), attempts])
        .sort(),
      [
        ["0.json", 1],
        ["1.json", 3],
        ["2.json", 1],
        ["3.json", 1],
        ["4.json", 1],
      ],
    );
    const done = lake
      .history()
      .filter(({ stage, status }) => stage === "A" && status === "SUCCEEDED")
      .map(({ sequenceNumber }) => Number(sequenceNumber));
    assert.deepEqual(
      done,
      [...done].sort((a, b) => a - b),
    );
    assert.equal(lake.history().filter(({ status }) => status === "RETRIED").length, 2);
    // Of each call all waiting messages of the group: 4 with their second, then 4 with their third receive.
    assert.deepEqual(
      lake.sqs.hiddenFor.filter((seconds) => seconds !== LEASE),
      [4, 4, 4, 4, 16, 16, 16, 16],
    );
  });

  it("gives up after the last attempt, and lets the rest of the group go on", async () => {
    const lake = new FakeLake({ group: "dataset" });
    await lake.arrive(`${KEY}bad.json`, record(1));
    await lake.arrive(`${KEY}good.json`, record(2));
    lake.s3.before = (name, input) => {
      if (name === "GetObjectCommand" && (input as { Key: string }).Key.endsWith("bad.json"))
        throw serviceError("SlowDown", 503);
    };
    await lake.settle();
    const bad = lake.object(`${KEY}bad.json`);
    assert.deepEqual([bad.status, bad.attempts, bad.error?.code], ["FAILED", 3, "SlowDown"]);
    assert.equal(lake.object(`${KEY}good.json`).status, "PROCESSED");
    lake.s3.before = () => undefined;
    assert.deepEqual(counts(await redriveStageA(REQUEST)), { redriven: 1, remaining: 0 });
    await lake.settle();
    const again = lake.object(`${KEY}bad.json`);
    assert.deepEqual([again.status, again.redrives, again.attempts, again.error], ["PROCESSED", 1, 1, undefined]);
  });

  it("never loses an object that waits behind failing ones until its message is given up", async () => {
    process.env.MAX_ATTEMPTS = "3";
    const lake = new FakeLake({ group: "dataset" });
    for (let i = 0; i < 8; i++) {
      await lake.arrive(`${KEY}${i}.json`, record(i));
      await lake.route();
    }
    lake.s3.before = (name, input) => {
      if (name === "GetObjectCommand" && /[0-5]\.json$/.test((input as { Key: string }).Key))
        throw serviceError("SlowDown", 503);
    };
    await lake.settle();
    const failed = lake.objects().filter(({ status }) => status === "FAILED");
    assert.ok(failed.some(({ error }) => error?.code === "HeldUp"));
    assert.equal(lake.objects().filter(({ status }) => status === "PROCESSED").length + failed.length, 8);
    assert.equal(lake.sqs.messages(QUEUES.aDlq).length, failed.length);
    assert.ok(lake.sqs.messages(QUEUES.a).length === 0);
  });

  it("blames only the object that makes processing break off", async () => {
    const lake = new FakeLake();
    for (let i = 0; i < 3; i++) await lake.arrive(`${KEY}${i}.json`, record(i));
    lake.breaks = { state: "Process", error: new RangeError("out of memory"), times: 1 };
    await lake.settle();
    assert.deepEqual(
      lake.objects().map(({ status, attempts }) => `${status} ${attempts}`),
      Array(3).fill("PROCESSED 1"),
    );
  });

  it("fails a batch of Stage B that broke off, removes its files, and redrives it", async () => {
    const lake = new FakeLake();
    for (let i = 0; i < 3; i++) await lake.arrive(`${KEY}${i}.json`, record(i));
    lake.breaks = { state: "CrawlData", error: new RangeError("no catalogue"), times: 1 };
    await lake.settle();
    assert.deepEqual(
      lake.objects().map(({ status, stage, error }) => `${status} ${stage} ${error?.code}`),
      Array(3).fill("FAILED B BatchFailed"),
    );
    assert.deepEqual(lake.files(), []);
    assert.equal(lake.sqs.messages(QUEUES.bDlq).length, 3);
    assert.deepEqual(counts(await redriveStageB(REQUEST)), { redriven: 3, remaining: 0 });
    await lake.settle();
    assert.deepEqual(
      lake.objects().map(({ status, redrives }) => `${status} ${redrives}`),
      Array(3).fill("PROCESSED 1"),
    );
    assert.equal(lake.files().length, 3);
    assert.equal(lake.sqs.messages(QUEUES.bDlq).length, 0);
  });

  it("finds the files of a batch that broke off before it said which they are", async () => {
    const lake = new FakeLake();
    await lake.arrive(`${KEY}other.json`, record(9));
    await lake.settle();
    const [other] = lake.files();
    for (let i = 0; i < 5; i++) await lake.arrive(`${KEY}${i}.json`, record(i));
    lake.breaks = { state: "ProcessData", error: new RangeError("timed out"), times: 1, afterwards: true };
    await lake.settle();
    assert.deepEqual(lake.files(), [other]);
  });

  it("redrives as often as needed, each time with a message of its own", async () => {
    const lake = new FakeLake();
    await lake.arrive(`${KEY}bad.json`, record(1, { mass: "-5" }));
    await lake.settle();
    for (let times = 1; times <= 3; times++) {
      assert.deepEqual(counts(await redriveStageB(REQUEST)), { redriven: 1, remaining: 0 });
      await lake.settle();
      assert.deepEqual(
        [lake.object(`${KEY}bad.json`).status, lake.object(`${KEY}bad.json`).redrives],
        ["FAILED", times],
      );
      assert.equal(lake.sqs.messages(QUEUES.bDlq).length, 1);
    }
    lake.manifest = { ...lake.manifest, expectations: [] };
    lake.deployDataset();
    await redriveStageB(REQUEST);
    await lake.settle();
    assert.equal(lake.object(`${KEY}bad.json`).status, "PROCESSED");
  });

  it("redrives what was in the DLQ when it began, and leaves what fails again meanwhile", async () => {
    const lake = new FakeLake();
    await lake.arrive(`${KEY}bad.json`, record(1, { mass: "-5" }));
    await lake.settle();
    const [body] = lake.sqs.bodies(QUEUES.bDlq);
    let again = 0;
    lake.sqs.before = (name, input) => {
      if (name !== "SendMessageBatchCommand" || (input as { QueueUrl: string }).QueueUrl !== QUEUES.b) return;
      lake.sqs.now = () => Date.now() + 1_000;
      const entry = { Id: "0", MessageBody: body, MessageGroupId: "g", MessageDeduplicationId: `again-${++again}` };
      void lake.sqs.send(new SendMessageBatchCommand({ QueueUrl: QUEUES.bDlq, Entries: [entry] }));
    };
    assert.deepEqual(counts(await redriveStageB(REQUEST)), { redriven: 1, remaining: 1 });
    assert.equal(again, 1);
    assert.equal(lake.sqs.messages(QUEUES.bDlq)[0]?.hidden, false, "the next redrive sees it at once");
  });

  it("leaves no outcome out when the last state of Stage A has to run again", async () => {
    const lake = new FakeLake();
    await lake.arrive(`${KEY}bad.json`, "{");
    let failures = 0;
    lake.sqs.before = (name, input) => {
      if (
        name === "SendMessageBatchCommand" &&
        (input as { QueueUrl: string }).QueueUrl === QUEUES.aDlq &&
        failures++ === 0
      )
        throw serviceError("ServiceUnavailable", 503);
    };
    await lake.settle();
    assert.equal(lake.object(`${KEY}bad.json`).status, "FAILED");
    assert.equal(lake.sqs.messages(QUEUES.aDlq).length, 1);
    assert.equal(lake.history().length, 1);
  });

  it("hands over what was done but not handed over", async () => {
    const lake = new FakeLake();
    await lake.arrive(`${KEY}one.json`, record(1));
    let failures = 0;
    lake.sqs.before = (name, input) => {
      if (
        name === "SendMessageBatchCommand" &&
        (input as { QueueUrl: string }).QueueUrl === QUEUES.b &&
        failures++ === 0
      )
        throw serviceError("ServiceUnavailable", 503);
    };
    await lake.settle();
    assert.equal(lake.object(`${KEY}one.json`).status, "PROCESSED");
    assert.deepEqual(
      lake.history().map(({ stage }) => stage),
      ["A", "B"],
    );
  });

  it("leaves no half of an object in the table when its second file cannot be put", async () => {
    const lake = new FakeLake();
    await lake.arrive(`${KEY}two.json`, `${record(1)}\n${record(2, { fall: "Found" })}`);
    let tries = 0;
    lake.s3.before = (name, input) => {
      if (name === "PutObjectCommand" && (input as { Key: string }).Key.includes("fall=Found")) {
        tries++;
        throw serviceError("SlowDown", 503);
      }
    };
    await lake.settle();
    assert.equal(tries, 3);
    assert.deepEqual(lake.files(), []);
    assert.deepEqual(
      [lake.object(`${KEY}two.json`).status, lake.object(`${KEY}two.json`).error?.code],
      ["FAILED", "SlowDown"],
    );
  });

  it("records an attempt once, also when Error runs twice", async () => {
    const lake = new FakeLake();
    await lake.arrive(`${KEY}one.json`, record(1));
    await lake.route();
    const [body] = lake.sqs.bodies(QUEUES.a);
    const { items: refs } = stageAMessageSchema.parse(JSON.parse(body as string));
    const { items } = await preUpdate({
      items: refs.map((ref) => ({ ref, attempt: 0, lastAttempt: false, messageId: "m", startedAt: "now" })),
    });
    const error = { code: "SlowDown", message: "slow" };
    const state = { outcomes: [], failed: items.map((item) => ({ item, error, final: false })), failedCount: 1 };
    const first = await recordErrorsA(state);
    // A second entry would have another time, and with it another key.
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(await recordErrorsA(state), first);
    assert.deepEqual(
      first.outcomes.map(({ status }) => status),
      ["RETRY"],
    );
    assert.deepEqual(
      lake.history().map(({ status }) => status),
      ["RETRIED"],
    );
    assert.equal(lake.object(`${KEY}one.json`).attempts, 1);
  });
});

/** What a redrive moved, and what it left. */
function counts({ redriven, remaining }: Redriven) {
  return { redriven, remaining };
}
