import assert from "node:assert/strict";
import { keyId, type SentObject } from "../../../automation/lake/objects";
import { waitForOutcomes } from "../../../automation/lake/wait";
import { FakeLake, record } from "../layer/fakes/lake";
import { driverOf } from "./support";

const DATASET = "engineering/meteorites";

/** A lake that has processed objects, and those that somebody waits for. */
async function processed(count: number): Promise<{ lake: FakeLake; objects: SentObject[] }> {
  const lake = new FakeLake();
  const keys = Array.from({ length: count }, (_, index) => `${DATASET}/${index}.json`);
  for (const [index, key] of keys.entries()) await lake.arrive(key, record(index));
  await lake.settle();
  const objects = keys.map((key) => ({
    ...{ file: key, key, keyId: keyId("raw", key), etag: lake.s3.etag("raw", key), versionId: undefined },
  }));
  return { lake, objects };
}

async function waited(count: number) {
  const { lake, objects } = await processed(count);
  const asked: string[] = [];
  lake.dynamodb.before = (name, input) => {
    const { TableName } = input as { TableName?: string };
    asked.push(`${name} ${TableName ?? ""}`.trim());
  };
  const options = { timeout: 5, signal: new AbortController().signal, progress: () => undefined, env: "local" };
  const outcomes = await waitForOutcomes(driverOf(lake), DATASET, objects, options);
  return { asked, outcomes: [...outcomes.values()].map(({ status }) => status) };
}

describe("waiting for outcomes", () => {
  it("looks at few objects directly: a history of thousands of others is not read", async () => {
    const { asked, outcomes } = await waited(3);
    assert.deepEqual(outcomes, ["PROCESSED", "PROCESSED", "PROCESSED"]);
    assert.deepEqual(asked, ["QueryCommand objects", "QueryCommand objects", "QueryCommand objects"]);
  });

  it("learns of many from the history, with few requests", async () => {
    const { asked, outcomes } = await waited(30);
    assert.deepEqual([...new Set(outcomes), outcomes.length], ["PROCESSED", 30]);
    assert.equal(asked[0], "QueryCommand history");
    assert.ok(asked.includes("BatchGetCommand") && asked.length < 15, `${asked.length} requests`);
  });
});
