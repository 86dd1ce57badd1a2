import type { Context, SQSEvent } from "aws-lambda";
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { FakeLake, QUEUES, record } from "../layer/fakes/lake";

const FUNCTIONS = path.resolve(__dirname, "../../../functions");
const KEY = "engineering/meteorites/";
const context = {
  functionName: "f",
  awsRequestId: "1",
  invokedFunctionArn: "arn",
  getRemainingTimeInMillis: () => 60_000,
} as Context;

type Handler = (event: unknown, context: Context) => Promise<unknown>;

function handler(name: string): Handler {
  const file = path.join(FUNCTIONS, name, "handler.ts");
  return (createRequire(__filename)(file) as { handler: Handler }).handler;
}

async function call(name: string, event: unknown): Promise<Record<string, unknown>> {
  return JSON.parse(JSON.stringify(await handler(name)(event, context))) as Record<string, unknown>;
}

/** The architecture's list. */
const NAMES = [
  ...[
    "backfill",
    "reconcile",
    "redrive",
    "routing",
    "stage-a-error",
    "stage-a-postupdate-metadata",
    "stage-a-preupdate-metadata",
    "stage-a-process-object",
  ],
  ...["stage-a-redrive", "stage-a-routing", "stage-b-check-job", "stage-b-crawl-data", "stage-b-error"],
  ...["stage-b-postupdate-metadata", "stage-b-process-data", "stage-b-redrive", "stage-b-routing", "trigger"],
];

describe("functions", () => {
  it("are those of the architecture, each with a thin handler", () => {
    const folders = readdirSync(FUNCTIONS, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
    assert.deepEqual(folders.sort(), NAMES);
    for (const name of NAMES) {
      assert.equal(typeof handler(name), "function");
      assert.ok(readFileSync(path.join(FUNCTIONS, name, "handler.ts"), "utf8").split("\n").length < 10, name);
    }
  });

  it("carry an object through all states by what they pass to each other", async () => {
    const lake = new FakeLake();
    process.env.IDEMPOTENCY_TABLE = "idempotency";
    await lake.arrive(`${KEY}good.json`, record(1));
    await lake.arrive(`${KEY}bad.json`, "{");
    const arrivals: SQSEvent = { Records: lake.sqs.receive("arrivals") };
    assert.deepEqual(await call("routing", arrivals), { batchItemFailures: [] });
    const refs = lake.sqs.bodies(QUEUES.a).flatMap((body) => (JSON.parse(body) as { items: object[] }).items);
    const item = { attempt: 0, lastAttempt: false, messageId: "m", startedAt: "2026-11-21T00:00:00Z" };
    const pre = await call("stage-a-preupdate-metadata", { items: refs.map((ref) => ({ ...item, ref })) });
    const processed = await call("stage-a-process-object", pre);
    assert.equal(processed.failedCount, 1);
    const after = await call("stage-a-postupdate-metadata", processed);
    const done = await call("stage-a-error", after);
    assert.deepEqual((done.outcomes as unknown as { status: string }[]).map(({ status }) => status).sort(), [
      "DONE",
      "FAILED",
    ]);
    assert.deepEqual(await call("stage-b-routing", { Records: lake.sqs.receive(QUEUES.b) }), { batchItemFailures: [] });
    assert.equal(lake.executions.length, 1);
    assert.equal(lake.object(`${KEY}good.json`).status, "STAGE_B");
    const dataset = { team: "engineering", dataset: "meteorites" };
    for (const [name, count] of [
      ["stage-a-redrive", 1],
      ["stage-b-redrive", 0],
      ["redrive", 0],
    ] as const) {
      const { redriven, remaining } = await call(name, { ...dataset, max: 5 });
      assert.deepEqual([redriven, remaining], [count, 0], name);
    }
    assert.equal((await call("reconcile", { ...dataset, minAge: 0 })).next, undefined);
  });

  for (const name of NAMES.filter((one) => !one.includes("routing"))) {
    it(`${name} refuses what is no input of it`, async () => {
      new FakeLake();
      await assert.rejects(call(name, { items: "none", failed: 1, team: 2 }), { name: "ParseError" });
    });
  }
});
