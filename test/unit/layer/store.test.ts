import fc from "fast-check";
import assert from "node:assert/strict";
import { useClients } from "../../../layer/clients";
import { recordArtifact } from "../../../layer/store/artifacts";
import { recordEvent } from "../../../layer/store/events";
import { historyEntry, unpacked } from "../../../layer/store/history";
import { newItem, register, transition } from "../../../layer/store/metadata";
import { addMetrics, readMetrics } from "../../../layer/store/metrics";
import { currentSchema, recordSchema } from "../../../layer/store/schemas";
import { commit } from "../../../layer/store/transactions";
import type { FakeDynamoDb } from "./fakes/dynamodb";
import { controlTables, TABLE_VARIABLES } from "./fakes/tables";

const DAY = "2026-11-21";
const source = { keyId: "k", version: "v" };
const count = (counters: Record<string, number>, dataset = "d") => ({ team: "t", dataset, counters });

function tables(): FakeDynamoDb {
  const dynamodb = controlTables();
  Object.assign(process.env, TABLE_VARIABLES);
  useClients({ dynamodb: dynamodb as never });
  return dynamodb;
}

function item(id: number, change: object = {}) {
  const arrival = { team: "t", dataset: "d", bucket: "b", key: `t/d/${id}`, keyId: `key${id}`, version: "1" };
  return newItem(
    { ...arrival, sequencer: "1", etag: "", size: 10, eventTime: "", ...change },
    "2026-11-21T00:00:00.000Z",
  );
}

describe("layer: events", () => {
  afterEach(() => delete process.env.EVENTS_DAYS);

  it("are kept with their time and go after retention.events", async () => {
    const dynamodb = tables();
    process.env.EVENTS_DAYS = "7";
    await recordEvent({ team: "t", dataset: "d", kind: "mended", objectKeyId: "k", detail: { sent: 1 } });
    const [event] = dynamodb.items<Record<string, unknown>>("events");
    assert.equal(event?.datasetId, "t/d");
    assert.match(String(event?.event), new RegExp(`^${String(event?.at)}#mended#[0-9a-f-]{36}$`));
    assert.deepEqual([event?.kind, event?.objectKeyId, event?.detail], ["mended", "k", { sent: 1 }]);
    assert.equal(event?.expiresAt, Math.floor(Date.parse(String(event?.at)) / 1000) + 7 * 86_400);
  });

  it("about a whole dataset are in no index of objects", async () => {
    const dynamodb = tables();
    await recordEvent({ team: "t", dataset: "d", kind: "reconciled", detail: {} });
    assert.equal("objectKeyId" in (dynamodb.items("events")[0] ?? {}), false);
  });
});

describe("layer: data schemas", () => {
  const columns = (...names: string[]) => names.map((name) => ({ name, type: "varchar" }));

  it("get a new version only when names, types or order differ", async () => {
    const dynamodb = tables();
    assert.equal(await currentSchema("t", "d"), undefined);
    assert.equal((await recordSchema("t", "d", columns("a"), source)).version, 1);
    assert.equal((await recordSchema("t", "d", columns("a"), { keyId: "other", version: "w" })).version, 1);
    assert.equal((await recordSchema("t", "d", columns("a", "b"), source)).version, 2);
    assert.equal((await recordSchema("t", "d", columns("b", "a"), source)).version, 3);
    const retyped = await recordSchema("t", "d", [{ name: "b", type: "bigint" }, ...columns("a")], source);
    assert.deepEqual(await currentSchema("t", "d"), retyped);
    assert.equal(dynamodb.items("schemas").length, 4);
    assert.equal(await currentSchema("t", "another"), undefined);
  });

  it("are counted beyond nine", async () => {
    tables();
    for (let i = 1; i <= 12; i++) assert.equal((await recordSchema("t", "d", columns(`c${i}`), source)).version, i);
    assert.equal((await currentSchema("t", "d"))?.version, 12);
  });

  it("lose nothing that callers at the same time add, and count without a gap", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(3), { minLength: 1, maxLength: 6 }), async (wanted) => {
        const dynamodb = tables();
        const adding = (name: string) => (all: { name: string; type: string }[]) =>
          all.some((column) => column.name === name) ? all : [...all, ...columns(name)];
        const got = await Promise.all(wanted.map((one) => recordSchema("t", "d", adding(`c${one}`), source)));
        const versions = dynamodb.items<{ version: string }>("schemas").map(({ version }) => Number(version));
        assert.deepEqual(
          versions.sort((a, b) => a - b),
          [...versions.keys()].map((index) => index + 1),
        );
        assert.equal(versions.length, new Set(wanted).size);
        for (const [index, schema] of got.entries())
          assert.ok(schema.columns.some(({ name }) => name === `c${wanted[index]}`));
        const last = (await currentSchema("t", "d"))?.columns.map(({ name }) => name);
        assert.deepEqual(last?.sort(), [...new Set(wanted.map((one) => `c${one}`))].sort());
      }),
      { numRuns: 15 },
    );
  });

  it("that cannot be recorded are an error", async () => {
    const dynamodb = tables();
    dynamodb.before = (name) => {
      if (name === "PutCommand")
        throw Object.assign(new RangeError("fake"), { name: "ConditionalCheckFailedException" });
    };
    await assert.rejects(recordSchema("t", "d", columns("a"), source), { code: "StoreBusy" });
  }).timeout(30_000);
});

describe("layer: metrics", () => {
  it("add up, whatever shards and days they are in", async () => {
    const dynamodb = tables();
    for (let i = 0; i < 40; i++) await addMetrics("t", "d", DAY, { rows: 2, failed: i % 2 });
    await addMetrics("t", "d", "2026-11-22", { rows: 1 });
    await addMetrics("t", "other", DAY, { rows: 100 });
    assert.deepEqual(await readMetrics("t", "d"), { rows: 81, failed: 20 });
    assert.deepEqual(await readMetrics("t", "d", { from: DAY, to: DAY }), { rows: 80, failed: 20 });
    assert.deepEqual(await readMetrics("t", "d", { from: "2026-11-22" }), { rows: 1 });
    assert.deepEqual(await readMetrics("t", "none"), {});
    assert.ok(dynamodb.items("metrics").length > 5, "they are spread over items");
  });

  it("count a unit of a transaction if it is written, once, and no other", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ id: fc.nat(60), dataset: fc.constantFrom("d", "e", "f") }), { maxLength: 150 }),
        fc.uniqueArray(fc.nat(60), { maxLength: 20 }),
        async (wanted, there) => {
          const dynamodb = tables();
          for (const id of there) dynamodb.put("objects", { ...item(id) });
          const answers = await commit(
            wanted.map(({ id }) => [register(item(id))]),
            wanted.map(({ dataset }) => count({ received: 1, bytes: 10 }, dataset)),
          );
          for (const dataset of ["d", "e", "f"]) {
            const written = wanted.filter((one, index) => one.dataset === dataset && answers[index]?.written).length;
            const { received = 0, bytes = 0 } = await readMetrics("t", dataset);
            assert.deepEqual([received, bytes], [written, 10 * written]);
          }
        },
      ),
      { numRuns: 15 },
    );
  });

  it("keep transactions within DynamoDB's hundred writes", async () => {
    const dynamodb = tables();
    const ids = [...Array(250).keys()];
    // Each of a dataset of its own: the worst for the number of writes. The fake refuses more than 100.
    await commit(
      ids.map((id) => [register(item(id))]),
      ids.map((id) => count({ received: 1 }, `d${id}`)),
    );
    assert.equal(dynamodb.items("objects").length, 250);
    assert.equal(dynamodb.requests.TransactWriteCommand, 5);
  });

  it("are not counted twice when a unit is committed again", async () => {
    tables();
    await commit([[register(item(1))]]);
    const move = () => commit([[transition(item(1), ["RECEIVED"], { status: "FAILED" })]], [count({ failed: 1 })]);
    assert.deepEqual((await move())[0]?.written, true);
    assert.deepEqual((await move())[0]?.written, false);
    assert.deepEqual(await readMetrics("t", "d"), { failed: 1 });
  });
});

describe("layer: the history", () => {
  it("keeps what came of expectations, whatever their columns are called", async () => {
    const whole = fc.record({
      check: fc.constantFrom("not_null" as const, "unique" as const, "sql" as const, "rows" as const),
      about: fc.string({ unit: "grapheme", minLength: 1 }),
      rule: fc.constantFrom("warn" as const, "fail" as const, "quarantine" as const),
      checked: fc.nat(),
      broken: fc.nat(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(whole, { maxLength: 5 }), async (all) => {
        const expectations = all.map(({ about, check, ...rest }) => ({
          ...{ name: check === "rows" ? check : `${check}(${about})`, check, ...rest },
          ...(check === "rows" || check === "sql" ? {} : { column: about }),
        }));
        tables();
        const write = historyEntry({
          ...{ team: "t", dataset: "d", stage: "B", object: "o", keyId: "k", version: "v", status: "SUCCEEDED" },
          ...{ startedAt: DAY, endedAt: `${DAY}T00:00:00.000Z`, attempt: 1, expectations },
        });
        assert.deepEqual((write.Put?.Item?.expectations as unknown[]).map(unpacked), expectations);
      }),
    );
    for (const odd of [undefined, "", "fail 1", { rule: "fail" }]) assert.equal(unpacked(odd), undefined);
  });
});

describe("layer: artifacts", () => {
  const artifact = {
    ...{ batchId: "b", team: "t", dataset: "d", engine: "duckdb", sqlDigest: "abc", objects: 1, rows: 5 },
    ...{ startedAt: "2026-11-21T00:00:00.000Z", endedAt: "2026-11-21T00:00:01.000Z" },
  };

  it("tell what a batch wrote, once a batch, and have room for its files", async () => {
    const dynamodb = tables();
    const files = [...Array(5_000).keys()].map((index) => `post/t/d/${"x".repeat(120)}${index}.parquet`);
    await recordArtifact({ ...artifact, files });
    await recordArtifact({ ...artifact, files });
    const items = dynamodb.items<{ fileCount: number; files: string[] }>("artifacts");
    assert.equal(items.length, 1);
    assert.equal(items[0]?.fileCount, 5_000);
    assert.ok(Buffer.byteLength(JSON.stringify(items[0])) < 400 * 1024);
  });
});
