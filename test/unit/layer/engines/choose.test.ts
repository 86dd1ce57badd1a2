import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import fc from "fast-check";
import { requireRoom } from "../../../../layer/engines/capacity";
import { batchBytes, chooseEngine } from "../../../../layer/engines/choose";
import { manifestFileSchema } from "../../../../layer/manifest-schema";
import { enginesOf, LONGEST_GLUE, minutesOf } from "../../../../layer/manifest/engine";
import { stones } from "./support";

const MB = 1024 ** 2;
const limits = { duckdb: 512 * MB, athena: 50 * 1024 * MB };
const auto = { engine: "auto" as const, expectations: [] };

describe("layer: the engine of a batch", () => {
  it("is what the manifest says, whatever the batch", () => {
    fc.assert(
      fc.property(fc.constantFrom("duckdb", "athena", "glue"), fc.array(fc.nat()), (engine, sizes) => {
        const items = sizes.map((size) => ({ size }));
        assert.equal(chooseEngine({ engine: engine as "glue", expectations: [] }, items, limits), engine);
      }),
    );
  });

  it("goes by the batch's size with auto: DuckDB, then Athena, then Glue", () => {
    const of = (...sizes: number[]) =>
      chooseEngine(
        auto,
        sizes.map((preBytes) => ({ size: 1, preBytes })),
        limits,
      );
    assert.equal(of(), "duckdb");
    assert.equal(of(512 * MB), "duckdb");
    assert.equal(of(512 * MB, 1), "athena");
    assert.equal(of(50 * 1024 * MB), "athena");
    assert.equal(of(50 * 1024 * MB, 1), "glue");
  });

  it("leaves Athena out where rows may go into quarantine", () => {
    const expectations = [{ rule: "warn" }, { rule: "quarantine" }];
    assert.equal(chooseEngine({ ...auto, expectations }, [{ size: 600 * MB }], limits), "glue");
  });

  it("goes by the raw size of what an earlier version of the lake handed over", () => {
    assert.equal(batchBytes([{ size: 5 }, { size: 7, preBytes: 100 }]), 105);
  });
});

describe("layer: room for DuckDB", () => {
  it("is there for a small object", () => requireRoom(1, tmpdir()));

  it("is refused before anything is fetched, and the message tells what to do", async () => {
    await assert.rejects(requireRoom(Number.MAX_SAFE_INTEGER, tmpdir()), {
      code: "TransformTooLarge",
      message: /has \d+ MB; DuckDB in this function takes up to \d+ MB .* choose engine: glue, athena or auto/,
    });
  });
});

describe("layer: engines in a manifest", () => {
  const problems = (change: Record<string, unknown>) => {
    const { sql: _, ...file } = stones();
    const result = manifestFileSchema.safeParse({ ...file, ...change });
    return result.success ? [] : result.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  };

  it("default to DuckDB", () => {
    const { engine: _, sql: __, ...file } = stones();
    const { engine, glue, catalogue } = manifestFileSchema.parse(file);
    assert.deepEqual([engine, glue, catalogue], ["duckdb", {}, { crawler: false }]);
  });

  it("are one word of four", () => {
    assert.match(problems({ engine: "spark" })[0] ?? "", /^engine: /);
    for (const engine of ["duckdb", "athena", "glue", "auto"]) assert.deepEqual(problems({ engine }), []);
    assert.deepEqual(enginesOf({ engine: "auto" }), ["duckdb", "athena", "glue"]);
  });

  const iceberg = { ...stones().output, format: "iceberg" };
  for (const [change, expected] of [
    [{ engine: "duckdb", glue: { workers: 4 } }, /^glue: is for engine glue or auto; engine is duckdb$/],
    [{ engine: "glue", glue: { workers: 1 } }, /^glue.workers: /],
    [{ engine: "glue", glue: { workerType: "Z.1X" } }, /^glue.workerType: /],
    [{ engine: "glue", glue: { timeout: "9 hours" } }, /^glue.timeout: minutes or hours up to "8 hours"$/],
    [{ engine: "glue", glue: { timeout: "soon" } }, /^glue.timeout: /],
    [
      { engine: "duckdb", output: iceberg, partitionBy: [] },
      /^engine: is duckdb, which cannot commit to an Iceberg table/,
    ],
    [{ engine: "auto", output: iceberg, partitionBy: [] }, /^engine: is auto, which cannot commit/],
    [{ engine: "glue", output: iceberg }, /^partitionBy: is for output.format: parquet/],
    [{ engine: "athena", partitionBy: ["mass"] }, /^partitionBy.0: is double: with engine athena/],
    [
      { engine: "athena", expectations: [{ check: "not_null", column: "id", rule: "quarantine" }] },
      /^expectations.0.rule: quarantine is for the engines duckdb, glue and auto/,
    ],
  ] as [Record<string, unknown>, RegExp][]) {
    it(`say what is wrong: ${JSON.stringify(change).slice(0, 80)}`, () => {
      const found = problems(change);
      assert.equal(found.length, 1, found.join("\n"));
      assert.match(found[0] ?? "", expected);
    });
  }

  it("may write an Iceberg table with Athena and Glue", () => {
    for (const engine of ["athena", "glue"])
      assert.deepEqual(problems({ engine, output: iceberg, partitionBy: [] }), []);
  });

  it("read timeouts in minutes and hours", () => {
    assert.deepEqual(["1 minute", "90 minutes", "8 hours"].map(minutesOf), [1, 90, LONGEST_GLUE]);
    assert.ok(Number.isNaN(minutesOf("2 days")));
  });
});
