import assert from "node:assert/strict";
import { describe as textOf } from "../../../automation/commands/dataset-schema";
import { schemaHistory, type SchemaChange } from "../../../automation/lake/schemas";
import { forgetSchemas } from "../../../layer/flow/schemas-seen";
import { recordSchema, type SchemaColumn } from "../../../layer/store/schemas";
import { FakeLake, record } from "../layer/fakes/lake";
import { driverOf, tables } from "./support";

const DATASET = "engineering/meteorites";

describe("what a dataset's objects looked like", () => {
  beforeEach(forgetSchemas);

  it("is told version by version, with the object that changed it", async () => {
    const lake = new FakeLake();
    for (const [name, change] of [
      ["1", {}],
      ["2", { weight: 1 }],
      ["3", { weight: 2 }],
      ["4", { weight: 2.5, size: 1 }],
    ] as const) {
      await lake.arrive(`${DATASET}/${name}`, record(1, change));
      await lake.settle();
    }
    const versions = await schemaHistory(driverOf(lake), DATASET);
    assert.deepEqual(
      versions.map(({ version, object, added, removed, retyped }) => [version, object, added.length, removed, retyped]),
      [
        [1, `${DATASET}/1`, versions[0]?.columns.length, [], []],
        [2, `${DATASET}/2`, 1, [], []],
        [3, `${DATASET}/4`, 1, [], [{ name: "weight", from: "bigint", to: "double" }]],
      ],
    );
    assert.deepEqual(versions[1]?.added, [{ name: "weight", type: "bigint" }]);
    const text = textOf(DATASET, versions);
    assert.match(
      text,
      /^version 2 {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ {2}engineering\/meteorites\/2\n {2}added {4}weight bigint$/m,
    );
    assert.match(text, /^ {2}retyped {2}weight bigint -> double$/m);
    assert.match(text, /^engineering\/meteorites: versions: 3; fields now: \d+$/m);
  });

  it("has an answer where an object's item is gone, a field went, and many came", async () => {
    const lake = tables();
    const source = { keyId: "0".repeat(32), version: "1" };
    const many = Array.from({ length: 60 }, (_, at): SchemaColumn => ({ name: `f${at}`, type: "string" }));
    await recordSchema("t", "d", [{ name: "a\nb", type: "bigint" }], source);
    await recordSchema("t", "d", many, source);
    const versions = await schemaHistory(driverOf(lake), "t/d");
    assert.deepEqual(
      versions.map(({ object, added, removed }) => [object, added.length, removed.map(({ name }) => name)]),
      [
        [undefined, 1, []],
        [undefined, 60, ["a\nb"]],
      ],
    );
    const text = textOf("t/d", versions);
    assert.match(text, /^version 1 {2}.* an object that is not known any more \(0{32}\)$/m);
    assert.match(text, /f49 string, and 10 more \(--json\)$/m);
    assert.equal(text.trimEnd().split("\n").length, 6, "a name with a line break is no line of its own");
  });

  it("is nothing before the first object", async () => {
    const none: SchemaChange[] = await schemaHistory(driverOf(tables()), "t/d");
    assert.deepEqual(none, []);
    assert.equal(textOf("t/d", none), "t/d: no object was looked at yet\n");
  });
});
