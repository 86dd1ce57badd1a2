import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import type { Redriven } from "../../../layer/dlq";
import { redriveArrivals } from "../../../layer/flow/redrive";
import { serviceError } from "./fakes/command";
import { FakeLake, QUEUES, eventOf, record } from "./fakes/lake";
import { written } from "./support/transforms";

const KEY = "engineering/meteorites/";
const REQUEST = { team: "engineering", dataset: "meteorites", max: 100 };

describe("layer: the flow", () => {
  it("carries an object from its arrival to Parquet, with one outcome and its history", async () => {
    const lake = new FakeLake();
    await lake.arrive(`${KEY}one.json`, record(1));
    await lake.settle();
    const item = lake.object(`${KEY}one.json`);
    assert.equal(item.status, "PROCESSED");
    assert.equal(item.rows, 1);
    assert.equal(item.attempts, 1);
    assert.deepEqual(item.postFiles, lake.files());
    assert.deepEqual(lake.partitions, ["meteorites/Fell"]);
    assert.deepEqual(
      lake.history().map(({ stage, status }) => `${stage} ${status}`),
      ["A SUCCEEDED", "B SUCCEEDED"],
    );
    assert.equal(lake.sqs.bodies(QUEUES.a).length + lake.sqs.bodies(QUEUES.b).length, 0);
  });

  it("needs few requests: ten objects share theirs", async () => {
    const lake = new FakeLake();
    for (let i = 0; i < 10; i++) await lake.arrive(`${KEY}${i}.json`, record(i));
    await lake.settle();
    assert.equal(lake.objects().filter(({ status }) => status === "PROCESSED").length, 10);
    // Register, record A, mark for B, record B: one transaction each.
    assert.equal(lake.dynamodb.requests.TransactWriteCommand, 4);
    // Whether any failed before its files were there, and what publication asks.
    assert.equal(lake.dynamodb.requests.BatchGetCommand, 3);
    assert.equal(lake.executions.length, 1);
    assert.equal(lake.s3.requests.GetObjectCommand, 20);
    // One file of Stage A for all, and ten of the table.
    assert.equal(lake.s3.requests.PutObjectCommand, 11);
    assert.equal(lake.s3.requests.DeleteObjectsCommand, undefined);
  });

  it("does an event that comes again only once, at any time", async () => {
    const lake = new FakeLake();
    const event = await lake.arrive(`${KEY}one.json`, record(1));
    await lake.deliver(event);
    await lake.settle();
    lake.sqs.forget(QUEUES.a);
    await lake.deliver(event);
    await lake.settle();
    assert.equal(lake.objects().length, 1);
    assert.equal(lake.history().length, 2);
    assert.equal(lake.files().length, 1);
  });

  it("sends on what was registered but never sent", async () => {
    const lake = new FakeLake();
    const event = await lake.arrive(`${KEY}one.json`, record(1));
    let failures = 0;
    lake.sqs.before = (name, input) => {
      if (name === "SendMessageBatchCommand" && (input as { QueueUrl: string }).QueueUrl === QUEUES.a && failures++ < 2)
        throw serviceError("ServiceUnavailable", 503);
    };
    await lake.settle();
    assert.equal(lake.object(`${KEY}one.json`).status, "PROCESSED");
    assert.equal(failures, 3);
    assert.ok(event);
  });

  for (const [what, body, code] of [
    ["malformed", '{"id":', "MalformedJson"],
    ["empty", "", "EmptyObject"],
    ["blank", " \n", "EmptyObject"],
    ["of another type", record(1, { id: "one" }), "SchemaMismatch"],
    ["no record", "42", "NotRecords"],
  ] as const) {
    it(`records an object that is ${what}, keeps it, sends it to the DLQ, and does not hold up others`, async () => {
      const lake = new FakeLake();
      await lake.arrive(`${KEY}bad.json`, body);
      await lake.arrive(`${KEY}good.json`, record(2));
      await lake.settle();
      const bad = lake.object(`${KEY}bad.json`);
      assert.equal(bad.status, "FAILED");
      assert.equal(bad.stage, "A");
      assert.equal(bad.error?.code, code);
      assert.equal(lake.object(`${KEY}good.json`).status, "PROCESSED");
      assert.equal(lake.sqs.messages(QUEUES.aDlq).length, 1);
      assert.deepEqual(lake.sqs.messages(QUEUES.aDlq)[0]?.attributes, { stage: "A", reason: code });
      assert.ok(lake.s3.keys("raw").includes(`${KEY}bad.json`));
      assert.deepEqual(
        lake
          .history()
          .filter(({ object }) => object === bad.key)
          .map(({ status }) => status),
        ["FAILED"],
      );
    });
  }

  it("processes JSON, CSV and Parquet beside each other, and rejects what is broken of each", async () => {
    const lake = new FakeLake();
    const parquet = await written("SELECT 3 AS id, 'Three' AS name, 'Fell' AS fall, 7.5 AS mass", "FORMAT parquet");
    const bodies = {
      "1": record(1),
      "2": gzipSync("name;id;fall\nTwo;2;Found\n"),
      "3": parquet,
      "bad.csv": "id,name\n4\n",
      "bad.parquet": parquet.subarray(0, 100),
    };
    for (const [name, body] of Object.entries(bodies)) await lake.arrive(`${KEY}${name}`, body);
    await lake.settle();
    const outcomes = Object.keys(bodies).map((name) => {
      const { status, rows, error } = lake.object(`${KEY}${name}`);
      return error?.code ?? `${status} ${rows}`;
    });
    assert.deepEqual(outcomes, ["PROCESSED 1", "PROCESSED 1", "PROCESSED 1", "MalformedCsv", "MalformedParquet"]);
  });

  it("processes an object without records: no rows, no files", async () => {
    const lake = new FakeLake();
    await lake.arrive(`${KEY}none.json`, "[]");
    await lake.settle();
    const item = lake.object(`${KEY}none.json`);
    assert.deepEqual([item.status, item.rows, item.postFiles], ["PROCESSED", 0, []]);
    assert.deepEqual(lake.files(), []);
  });

  it("records a failed expectation in Stage B, without files in the table", async () => {
    const lake = new FakeLake();
    await lake.arrive(`${KEY}bad.json`, `${record(1)}\n${record(1, { fall: "Found" })}`);
    await lake.settle();
    const item = lake.object(`${KEY}bad.json`);
    assert.deepEqual([item.status, item.stage, item.error?.code], ["FAILED", "B", "ExpectationFailed"]);
    assert.deepEqual(lake.files(), []);
    assert.equal(lake.sqs.messages(QUEUES.bDlq).length, 1);
    assert.deepEqual(lake.sqs.messages(QUEUES.bDlq)[0]?.attributes, { stage: "B", reason: "ExpectationFailed" });
  });

  it("replaces the rows of an earlier version by those of a later one", async () => {
    const lake = new FakeLake();
    await lake.arrive(`${KEY}one.json`, `${record(1)}\n${record(2, { fall: "Found" })}`);
    await lake.settle();
    assert.equal(lake.files().length, 2);
    const former = lake.object(`${KEY}one.json`);
    await lake.arrive(`${KEY}one.json`, record(3));
    await lake.settle();
    const later = lake.object(`${KEY}one.json`);
    assert.deepEqual(lake.files(), later.postFiles);
    assert.equal(later.supersededBy, undefined);
    assert.equal(lake.objects().find(({ version }) => version === former.version)?.supersededBy, later.version);
    assert.equal(lake.currents()[0]?.obsolete, undefined);
  });

  it("lets the later version win when the earlier one comes last", async () => {
    const lake = new FakeLake();
    const early = await lake.arrive(`${KEY}one.json`, record(1), { silent: true });
    const body = lake.s3.body("raw", `${KEY}one.json`);
    await lake.arrive(`${KEY}one.json`, record(2));
    await lake.settle();
    const winner = lake.object(`${KEY}one.json`);
    lake.s3.put("raw", `${KEY}one.json`, body);
    await lake.deliver(early);
    await lake.settle();
    assert.deepEqual(lake.files(), winner.postFiles);
    const loser = lake.objects().find(({ version }) => version !== winner.version);
    assert.deepEqual([loser?.status, loser?.supersededBy, loser?.postFiles], ["PROCESSED", winner.version, []]);
  });

  it("ends a version whose bytes were replaced before they were read", async () => {
    const lake = new FakeLake();
    await lake.arrive(`${KEY}one.json`, record(1));
    await lake.arrive(`${KEY}one.json`, record(2));
    await lake.settle();
    const [replaced] = lake.objects().filter(({ supersededBy }) => supersededBy !== undefined);
    assert.equal(replaced?.status, "PROCESSED");
    assert.match(replaced?.supersededBy ?? "", /^etag [0-9a-f]{32}$/);
    assert.equal(lake.files().length, 1);
  });

  it("records an object that was deleted before it was read", async () => {
    const lake = new FakeLake();
    await lake.arrive(`${KEY}one.json`, record(1));
    lake.s3.remove("raw", `${KEY}one.json`);
    await lake.settle();
    assert.equal(lake.object(`${KEY}one.json`).error?.code, "ObjectGone");
  });

  it("records what belongs to no dataset, and takes it up after a redrive when there is one", async () => {
    const lake = new FakeLake();
    await lake.arrive("engineering/asteroids/one.json", record(1));
    await lake.arrive("top.json", record(1));
    await lake.settle();
    const stray = lake.object("engineering/asteroids/one.json");
    assert.deepEqual([stray.status, stray.stage, stray.error?.code], ["FAILED", "ROUTING", "UnknownDataset"]);
    assert.equal(lake.object("top.json").status, "FAILED");
    assert.equal(lake.sqs.messages("arrivals-dlq").length, 2);
    lake.manifest = { ...lake.manifest, dataset: "asteroids", table: "asteroids" };
    lake.deployDataset();
    assert.deepEqual(counts(await redriveArrivals({ ...REQUEST, max: 10 })), { redriven: 2, remaining: 0 });
    await lake.settle();
    assert.equal(lake.object("engineering/asteroids/one.json").status, "PROCESSED");
    assert.equal(lake.object("engineering/asteroids/one.json").redrives, 1);
    assert.equal(lake.object("top.json").status, "FAILED");
    assert.equal(lake.sqs.messages("arrivals-dlq").length, 1);
  });

  it("sets a message aside that is no event", async () => {
    const lake = new FakeLake();
    await lake.deliver("no json");
    await lake.deliver(eventOf({ bucket: { name: "another" }, object: { key: "a/b/c", sequencer: "1" } }));
    await lake.settle();
    assert.deepEqual(
      lake.sqs.messages("arrivals-dlq").map(({ attributes }) => attributes.reason),
      ["EventInvalid", "EventInvalid"],
    );
  });
});

/** What a redrive moved, and what it left. */
function counts({ redriven, remaining }: Redriven) {
  return { redriven, remaining };
}
