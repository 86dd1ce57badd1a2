import fc from "fast-check";
import assert from "node:assert/strict";
import { useClients } from "../../../layer/clients";
import { LEASE } from "../../../layer/lease";
import { compareSlice } from "../../../layer/reconcile/slice";
import { reconcileSliceSchema } from "../../../layer/reconcile/request";
import { keyEntries } from "../../../layer/reconcile/streams";
import { left } from "../../../layer/reconcile/types";
import { serviceError } from "./fakes/command";
import { FakeLake, QUEUES, record } from "./fakes/lake";
import { FakeS3 } from "./fakes/s3";
import { controlTables, TABLE_VARIABLES } from "./fakes/tables";

const KEY = "engineering/meteorites/";

/** What is lost, or happens in between. */
type Loss = "event" | "arrivals" | "queue A" | "queue B" | "executions" | "file" | "nothing";

const steps = fc.array(
  fc.record({
    key: fc.nat(3),
    loss: fc.constantFrom<Loss>("event", "arrivals", "queue A", "queue B", "executions", "file", "nothing"),
    rounds: fc.nat(3),
  }),
  { minLength: 1, maxLength: 5 },
);

async function compare(mend: boolean) {
  const request = reconcileSliceSchema.parse({ team: "engineering", dataset: "meteorites", minAge: 0, mend });
  return compareSlice(request);
}

describe("layer: whatever is lost", () => {
  it("reconcile --mend brings it back, once", async () => {
    await fc.assert(fc.asyncProperty(steps, heals), { numRuns: 5, endOnFailure: true });
  }).timeout(60_000);

  it("bucket and tables are read side by side in one order, whatever the keys are called", async () => {
    const name = fc
      .string({ unit: "binary", minLength: 1, maxLength: 4 })
      .filter((text) => Buffer.from(text).toString() === text);
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(name, { maxLength: 12 }), fc.uniqueArray(name, { maxLength: 12 }), sideBySide),
      { numRuns: 60 },
    );
  });

  it("a poison object holds its group for no longer than its tries and their pauses", async () => {
    const lake = new FakeLake({ group: "dataset" });
    lake.s3.before = (request, input) => {
      const { Key } = input as { Key?: string };
      if (request === "GetObjectCommand" && Key === `${KEY}0.json`) throw serviceError("SlowDown", 503);
    };
    for (let index = 0; index < 4; index++) await lake.arrive(`${KEY}${index}.json`, record(index + 1));
    await lake.settle();
    const statuses = [0, 1, 2, 3].map((index) => lake.object(`${KEY}${index}.json`).status);
    assert.deepEqual(statuses, ["FAILED", "PROCESSED", "PROCESSED", "PROCESSED"]);
    assert.equal(lake.object(`${KEY}0.json`).attempts, 3);
    // Two pauses lie between three tries, for the whole lane; then the others come at once.
    const pauses = new Set(lake.sqs.hiddenFor.filter((seconds) => seconds !== LEASE));
    assert.deepEqual([...pauses], [4, 16, 0]);
  });
});

async function heals(happenings: { key: number; loss: Loss; rounds: number }[]): Promise<void> {
  const lake = new FakeLake();
  for (const [index, { key, loss, rounds }] of happenings.entries()) {
    // In S3's own order of time, a second apart: versions of one second cannot be told apart.
    lake.s3.now = () => new Date(Date.now() - (100 - index) * 1_000);
    await lake.arrive(`${KEY}${key}.json`, record(index + 1), { silent: loss === "event" });
    for (const step of [() => lake.route(), () => lake.stageA(), () => lake.startB()].slice(0, rounds)) await step();
    if (loss === "arrivals") lake.sqs.purge("arrivals");
    if (loss === "queue A") lake.sqs.purge(QUEUES.a);
    if (loss === "queue B") lake.sqs.purge(QUEUES.b);
    if (loss === "executions") lake.forgetExecutions();
    const [file] = lake.files();
    if (loss === "file" && file !== undefined) lake.s3.remove("stage", file);
  }
  await lake.settle();
  await compare(true);
  await lake.settle();
  const after = await compare(false);
  assert.deepEqual([left(after), after.found], [0, []]);
  for (const { key, status, supersededBy } of lake.objects()) {
    assert.equal(status, "PROCESSED", key);
    const newest = supersededBy === undefined;
    assert.equal(lake.currents().some(({ current }) => current === lake.object(key).version) || !newest, true, key);
  }
  const keys = new Set(happenings.map(({ key }) => key));
  assert.equal(lake.currents().length, keys.size, "every key has its rows in the table");
  assert.equal(lake.files().length, keys.size, "and no others");
}

async function sideBySide(raw: string[], known: string[]): Promise<void> {
  const lake = { s3: new FakeS3(), dynamodb: controlTables() };
  useClients({ s3: lake.s3 as never, dynamodb: lake.dynamodb as never });
  Object.assign(process.env, TABLE_VARIABLES, { RAW_BUCKET: "raw" });
  for (const name of raw) lake.s3.put("raw", `${KEY}${name}`, "x");
  for (const [index, name] of known.entries()) {
    const item = { keyId: String(index), version: "v", datasetId: "engineering/meteorites", key: `${KEY}${name}` };
    lake.dynamodb.put("objects", item);
  }
  const found: string[] = [];
  for await (const { key, raw: versions, known: items } of keyEntries("engineering", "meteorites")) {
    found.push(key);
    const own = key.slice(KEY.length);
    assert.deepEqual([versions.length, items.length], [Number(raw.includes(own)), Number(known.includes(own))], own);
  }
  const all = [...new Set([...raw, ...known])].map((name) => `${KEY}${name}`);
  assert.deepEqual(
    found,
    all.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
  );
}
