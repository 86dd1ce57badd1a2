import assert from "node:assert/strict";
import { parseCondition } from "../../../automation/lake/erase/condition";
import { eraseMessagesOf, eraseMessagesWith } from "../../../automation/lake/erase/messages";
import { FakeLake, record } from "../layer/fakes/lake";
import { driverOf } from "../lake/support";

const DATASET = "engineering/meteorites";

/** A lake with a failure whose message quotes a value, another one that quotes another value, and an object without any. */
async function failed(): Promise<FakeLake> {
  const lake = new FakeLake();
  for (const [name, body] of Object.entries({
    quoting: record(1, { mass: "Jane Roe" }),
    other: record(2, { mass: "heavy" }),
    good: record(3),
  }))
    await lake.arrive(`${DATASET}/${name}`, body);
  await lake.settle();
  return lake;
}

const messages = (lake: FakeLake, name: string) => {
  const history = lake.dynamodb.items<{ object: string; error?: { code: string; message: string } }>("history");
  return [
    lake.object(`${DATASET}/${name}`),
    ...history.filter(({ object }) => object === `${DATASET}/${name}`),
  ].flatMap(({ error }) => (error ? [error] : []));
};

describe("erase: messages of failures", () => {
  it("go where an object held such records, whatever is in them; codes stay", async () => {
    const lake = await failed();
    assert.match(messages(lake, "quoting")[0]?.message ?? "", /Jane Roe/);
    assert.equal(await eraseMessagesOf(driverOf(lake), `${DATASET}/quoting`, true), 2);
    assert.match(messages(lake, "quoting")[0]?.message ?? "", /Jane Roe/);
    assert.equal(await eraseMessagesOf(driverOf(lake), `${DATASET}/quoting`, false), 2);
    const erased = { code: "SchemaMismatch", message: "erased on request" };
    assert.deepEqual(messages(lake, "quoting"), [erased, erased]);
    assert.match(messages(lake, "other")[0]?.message ?? "", /heavy/);
    assert.equal(await eraseMessagesOf(driverOf(lake), `${DATASET}/quoting`, false), 0);
    assert.equal(await eraseMessagesOf(driverOf(lake), `${DATASET}/good`, false), 0);
  });

  it("go where one of the condition's values stands, in the history and in the item", async () => {
    const lake = await failed();
    const condition = parseCondition(["name=Jane Roe"], lake.manifest);
    assert.equal(await eraseMessagesWith(driverOf(lake), DATASET, condition, true), 1);
    assert.equal(await eraseMessagesWith(driverOf(lake), DATASET, condition, false), 1);
    assert.ok(messages(lake, "quoting").every(({ message }) => message === "erased on request"));
    assert.match(messages(lake, "other")[1]?.message ?? "", /heavy/);
    assert.equal(await eraseMessagesWith(driverOf(lake), DATASET, condition, false), 0);
  });
});
