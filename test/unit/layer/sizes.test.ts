import assert from "node:assert/strict";
import { batchesOf, split } from "../../../layer/flow/start-stage-b";
import { MANIFEST_DEFAULTS, handedOver } from "./fakes/items";
import { FakeLake, QUEUES, record } from "./fakes/lake";

/** A key as long as S3 takes (1,024 bytes), of letters that JSON writes in three bytes each. */
const longKey = (number: number) => `engineering/meteorites/${number}-`.padEnd(360, "€").slice(0, 330);

describe("layer: sizes", () => {
  it("many failing objects with long keys and long reasons fit into the state of an execution", async () => {
    const lake = new FakeLake({ group: "dataset" });
    const long = "x".repeat(70);
    for (let i = 0; i < 100; i++) await lake.arrive(longKey(i), record(i, { mass: `${long}${i}` }));
    while (await lake.route());
    assert.ok(lake.sqs.messages(QUEUES.a).length > 20, "the objects fill more than two receives");
    for (const { body } of lake.sqs.messages(QUEUES.a)) assert.ok(Buffer.byteLength(body) <= 5_100);
    await lake.settle();
    assert.equal(
      lake.objects().filter(({ status, error }) => status === "FAILED" && error?.code === "SchemaMismatch").length,
      100,
    );
  });

  it("short keys travel many in a message, and no message carries too much work", async () => {
    const lake = new FakeLake({ group: "dataset" });
    for (let i = 0; i < 10; i++) await lake.arrive(`engineering/meteorites/${i}`, record(i));
    await lake.route();
    assert.ok(lake.sqs.messages(QUEUES.a).length <= 2);
    await lake.settle();
    assert.equal(lake.objects().filter(({ status }) => status === "PROCESSED").length, 10);
  });

  it("batches of Stage B are cut by number and by bytes, and lose nothing", () => {
    const plain = Array.from({ length: 120 }, (_, number) => handedOver(`k${number}`));
    const manifest = { ...MANIFEST_DEFAULTS, sql: "SELECT p FROM input" };
    const parts = split(plain, manifest, "duckdb");
    assert.deepEqual(parts.flat(), plain);
    assert.ok(parts.every((part) => part.length <= 100));
    const parted = { ...manifest, partitionBy: ["p"], limits: { objectSize: "1 MB", partitionsPerObject: 100 } };
    const many = plain.map((item) => ({ ...item, rows: 1_000 }));
    // 100 files of 450 bytes each and an object leave room for three objects in 180,000 bytes.
    assert.ok(split(many, parted, "duckdb").every((part) => part.length <= 4));
    // A row is in one partition, unless the SQL makes several of it.
    const single = plain.map((item) => ({ ...item, rows: 1 }));
    assert.deepEqual(
      split(single, parted, "duckdb").map(({ length }) => length),
      split(single, manifest, "duckdb").map(({ length }) => length),
    );
    assert.ok(
      split(single, { ...parted, sql: "SELECT unnest(p) AS p FROM input" }, "duckdb").every((part) => part.length <= 4),
    );
  });

  describe("of batches with engine: auto", () => {
    const MB = 1024 ** 2;
    const limits = { duckdb: 512 * MB, athena: 4 * 1024 * MB };
    const auto = { ...MANIFEST_DEFAULTS, engine: "auto" as const, expectations: [], sql: "SELECT p FROM input" };
    const objects = (count: number, megabytes: number) =>
      Array.from({ length: count }, (_, number) => ({ ...handedOver(`k${number}`), preBytes: megabytes * MB }));
    const shape = (count: number, megabytes: number, change: object = {}) =>
      batchesOf(objects(count, megabytes), { ...auto, ...change }, limits).map(
        ({ engine, items }) => `${engine} ${items.length}`,
      );

    it("small objects are a hundred in a batch, as with duckdb", () => {
      assert.deepEqual(shape(120, 1), ["duckdb 100", "duckdb 20"]);
      assert.deepEqual(shape(120, 1), shape(120, 1, { engine: "duckdb" }));
    });

    it("only what Athena gets is cut for Athena, and all of it stays Athena's", () => {
      assert.deepEqual(shape(25, 40), ["athena 10", "athena 10", "athena 5"]);
      assert.deepEqual(shape(25, 40, { engine: "athena" }), ["athena 10", "athena 10", "athena 5"]);
      assert.deepEqual(shape(25, 40, { expectations: [{ check: "rows", min: 1, rule: "quarantine" }] }), ["glue 25"]);
      assert.deepEqual(shape(25, 200), ["glue 25"]);
    });

    it("each batch has its own engine, and none loses or repeats an object", () => {
      const mixed = [...objects(100, 1), ...objects(20, 60)].map((item, place) => ({ ...item, key: `k${place}` }));
      const batches = batchesOf(mixed, auto, limits);
      assert.deepEqual(
        batches.map(({ engine, items }) => `${engine} ${items.length}`),
        ["duckdb 100", "athena 10", "athena 10"],
      );
      assert.deepEqual(
        batches.flatMap(({ items }) => items),
        mixed,
      );
    });

    it("the files that Athena may write fit into its batches' state, too", () => {
      const parted = { ...auto, partitionBy: ["p"], limits: { objectSize: "1 GB", partitionsPerObject: 20 } };
      const rows = objects(12, 60).map((item) => ({ ...item, rows: 1_000 }));
      // 20 partitions of 8 files of 450 bytes each: more than a third of 180,000 bytes.
      assert.deepEqual(
        batchesOf(rows, parted, limits).map(({ engine, items }) => `${engine} ${items.length}`),
        Array(6).fill("athena 2"),
      );
    });
  });
});
