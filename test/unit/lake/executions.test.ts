import fc from "fast-check";
import assert from "node:assert/strict";
import { addressOf } from "../../../automation/lake/address";
import { counts, proveCounts } from "../../../automation/lake/counts";
import { executions, type Execution, type ExecutionFilter } from "../../../automation/lake/executions";
import { follow } from "../../../automation/lake/follow";
import { keyId } from "../../../automation/lake/objects";
import { chosenBy, datasetsOf, describe as tableOf, keyIdOf, line } from "../../../automation/commands/executions";
import { historyEntry, type Execution as Entry } from "../../../layer/store/history";
import { commit } from "../../../layer/store/transactions";
import { code } from "../automation/fakes";
import { FakeLake, record } from "../layer/fakes/lake";
import { driverOf, fakeOutputs, tables } from "./support";

const KEY = "engineering/meteorites/";
const START = Date.parse("2026-11-21T00:00:00Z");
const iso = (second: number) => new Date(START + second * 1000).toISOString();

/** Writes a try into the history, as functions do. */
async function write(entry: Partial<Entry> & { second: number }): Promise<void> {
  const { second, ...rest } = entry;
  const given = { team: "t", dataset: "d", stage: "A", object: "t/d/x", keyId: "k", version: "v", attempt: 1 } as const;
  const whole = { ...given, status: "SUCCEEDED", startedAt: iso(second - 1), endedAt: iso(second), ...rest } as const;
  await commit([[historyEntry(whole)]]);
}

describe("executions", () => {
  it("are those that every filter lets through, newest first, whatever the filters", async () => {
    const stage = fc.constantFrom("A" as const, "B" as const, "ROUTING" as const);
    const status = fc.constantFrom("SUCCEEDED" as const, "FAILED" as const, "RETRIED" as const);
    const entry = fc.record({
      second: fc.nat(60),
      stage,
      status,
      dataset: fc.constantFrom("d", "e"),
      keyId: fc.constantFrom("k", "l"),
    });
    const seconds = fc.option(fc.nat(60), { nil: undefined });
    const wanted = fc.record({
      stage: fc.option(stage, { nil: undefined }),
      status: fc.option(status, { nil: undefined }),
      keyId: fc.option(fc.constantFrom("k", "l"), { nil: undefined }),
      since: seconds,
      until: seconds,
      limit: fc.option(fc.integer({ min: 1, max: 10 }), { nil: undefined }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 40 }), wanted, async (all, { since, until, ...rest }) => {
        const lake = tables();
        // One version each: a key is written once.
        for (const [index, one] of all.entries()) await write({ ...one, version: `v${index}`, object: String(index) });
        const at = (second: number | undefined) => (second === undefined ? undefined : START + second * 1000);
        const filter: ExecutionFilter = { ...rest, datasets: ["t/d", "t/e"], since: at(since), until: at(until) };
        const found = await executions(driverOf(lake), filter);
        const fits = all
          .map((one, index) => ({ ...one, index }))
          .filter((one) => (rest.stage ?? one.stage) === one.stage && (rest.status ?? one.status) === one.status)
          .filter((one) => (rest.keyId ?? one.keyId) === one.keyId)
          .filter(({ second }) => second >= (since ?? 0) && second <= (until ?? 60));
        const times = fits
          .map(({ second }) => iso(second))
          .sort()
          .reverse();
        assert.deepEqual(
          found.map(({ endedAt }) => endedAt),
          times.slice(0, rest.limit),
        );
        if (rest.limit === undefined)
          assert.deepEqual(new Set(found.map(({ object }) => object)), new Set(fits.map(({ index }) => String(index))));
      }),
      { numRuns: 40 },
    );
  });

  it("ask the index of what went wrong, not all entries, for failures", async () => {
    const lake = tables();
    for (let second = 0; second < 50; second++) await write({ second, version: `v${second}` });
    await write({ second: 50, status: "FAILED", version: "bad" });
    const before = lake.dynamodb.requests.QueryCommand ?? 0;
    const found = await executions(driverOf(lake), { datasets: ["t/d"], status: "FAILED" });
    assert.deepEqual(
      found.map(({ version }) => version),
      ["bad"],
    );
    assert.equal((lake.dynamodb.requests.QueryCommand ?? 0) - before, 1);
  });

  it("say what a try cost, its rows and what was expected of them", async () => {
    const lake = new FakeLake();
    await lake.arrive(`${KEY}one.json`, record(1));
    await lake.settle();
    const [b, a] = await executions(driverOf(lake), { datasets: ["engineering/meteorites"] });
    assert.deepEqual([a?.stage, a?.rows, b?.stage, b?.rows, b?.engine], ["A", 1, "B", 1, "duckdb"]);
    assert.ok((a?.cost ?? 0) > 0 && (a?.cost ?? 1) < 0.001, `${a?.cost}`);
    assert.ok((b?.cost ?? 0) > 0 && (b?.bytes ?? 0) > 0 && b?.executionArn?.endsWith(b.batchId ?? "-"));
    assert.deepEqual(b?.expectations?.[0], {
      name: "not_null(id)",
      check: "not_null",
      column: "id",
      rule: "fail",
      checked: 1,
      broken: 0,
    });
  });

  it("take no more room than the kilobyte that a write pays for", async () => {
    const lake = new FakeLake();
    await lake.arrive(`${KEY}a/rather/long/name/of/an/object/2026-11-21/part-00001.json`, record(1));
    await lake.settle();
    const entries = lake.dynamodb.items("history");
    assert.equal(entries.length, 2);
    // Names and values, as DynamoDB counts; a number or a list takes a few bytes more than its text.
    const size = (value: unknown): number =>
      Array.isArray(value)
        ? 3 + value.reduce((sum: number, one) => sum + 1 + size(one), 0)
        : 3 + Buffer.byteLength(String(value));
    for (const entry of entries) {
      const bytes = Object.entries(entry).reduce((sum, [name, value]) => sum + name.length + size(value), 0);
      assert.ok(bytes <= 1024, `${bytes} bytes: ${JSON.stringify(entry)}`);
    }
  });

  it("are printed with nothing that could move a terminal's cursor", () => {
    const bad: Execution = {
      ...{ team: "t", dataset: "d", stage: "A", object: "a\u001b[2Jb\nc", status: "FAILED" },
      startedAt: iso(0),
      endedAt: iso(1),
    };
    for (const text of [line(bad), tableOf([bad])]) assert.ok(!text.includes("\u001b") && !text.includes("b\nc"), text);
  });
});

describe("the filters of the command", () => {
  const some = {
    ...fakeOutputs,
    datasets: { "sales/orders": {}, "sales/returns": {}, "climate/readings": {} },
  } as never;

  it("are stages, states and times in any spelling that a person would use", () => {
    const chosen = chosenBy({
      stage: "a",
      state: "Retried",
      since: "2026-11-21",
      until: "2026-11-21T06:00:00+01:00",
      limit: 5,
    });
    assert.deepEqual(chosen, { stage: "A", status: "RETRIED", since: START, until: START + 5 * 3_600_000, limit: 5 });
    assert.equal(chosenBy({ failed: true }).status, "FAILED");
    assert.deepEqual(
      Object.values(chosenBy({})).filter((value) => value !== undefined),
      [],
    );
  });

  it("that cannot be meant are refused with what is allowed", () => {
    assert.throws(() => chosenBy({ stage: "c" }), code("InvalidStage", /found "c"; allowed: routing, a, b/));
    assert.throws(() => chosenBy({ state: "" }), code("InvalidState", /allowed: succeeded, failed, retried/));
    assert.throws(() => chosenBy({ since: "yesterday" }), code("InvalidMoment", /--since/));
    assert.throws(() => chosenBy({ follow: true, until: "2026-11-21" }), code("WrongUsage", /--follow and --until/));
    assert.throws(() => chosenBy({ failed: true, state: "failed" }), code("WrongUsage", /--failed and --state/));
  });

  it("name datasets by team, by name, or all", () => {
    assert.deepEqual(datasetsOf(some, { team: "sales" }), ["sales/orders", "sales/returns"]);
    assert.deepEqual(datasetsOf(some, { team: "sales", dataset: "sales/returns" }), ["sales/returns"]);
    assert.equal(datasetsOf(some, {}).length, 3);
    assert.throws(() => datasetsOf(some, { team: "sale" }), code("UnknownTeam", /teams are: climate, sales/));
    assert.throws(() => datasetsOf(some, { team: "climate", dataset: "sales/orders" }), code("UnknownTeam"));
    assert.throws(() => datasetsOf(some, { dataset: "sales/none" }), code("UnknownDataset"));
  });

  it("take an object's name alone where the dataset is told", () => {
    const id = keyId("raw", "sales/orders/x.json");
    assert.equal(keyIdOf(fakeOutputs, { object: "x.json", dataset: "sales/orders" }), id);
    assert.equal(keyIdOf(fakeOutputs, { object: "sales/orders/x.json", dataset: "sales/orders" }), id);
    assert.equal(keyIdOf(fakeOutputs, { object: "s3://raw/sales/orders/x.json" }), id);
    assert.equal(keyIdOf(fakeOutputs, {}), undefined);
  });
});

describe("following executions", () => {
  const pauses = { first: 5, longest: 40, growth: 2 };

  it("tells each once, oldest first, from now on, also those that were written down late", async () => {
    const lake = tables();
    await write({ second: 0, endedAt: new Date(Date.now() - 60_000).toISOString(), version: "old" });
    const found: string[] = [];
    const late = new Date(Date.now() + 1).toISOString();
    const options = { datasets: ["t/d", "t/e"], signal: new AbortController().signal, limit: 4, pauses };
    const reading = (async () => {
      for await (const { version = "" } of follow(driverOf(lake), options)) found.push(version);
    })();
    const soon = (milliseconds: number) => new Date(Date.now() + milliseconds).toISOString();
    await write({ second: 0, endedAt: soon(20), version: "1" });
    await new Promise((resolve) => setTimeout(resolve, 30));
    await write({ second: 0, endedAt: soon(30), version: "2", dataset: "e" });
    await write({ second: 0, endedAt: late, version: "late" });
    await new Promise((resolve) => setTimeout(resolve, 30));
    await write({ second: 0, endedAt: soon(40), version: "3" });
    await reading;
    assert.deepEqual([found[0], found[3], [...found].sort()], ["1", "3", ["1", "2", "3", "late"]]);
  });

  it("asks less and less often while nothing comes, and ends with the signal", async () => {
    const lake = tables();
    const stop = new AbortController();
    const reading = (async () => {
      const options = { datasets: ["t/d"], signal: stop.signal, pauses: { first: 10, longest: 10_000, growth: 2 } };
      for await (const execution of follow(driverOf(lake), options)) assert.fail(JSON.stringify(execution));
    })();
    await new Promise((resolve) => setTimeout(resolve, 150));
    stop.abort();
    await reading;
    const asked = lake.dynamodb.requests.QueryCommand ?? 0;
    // After 0, 20, 60 and 140 ms.
    assert.ok(asked >= 2 && asked <= 5, `${asked} queries`);
  });
});

describe("addresses of objects", () => {
  const id = keyId("raw", "t/d/x.json");

  it("are keys, URLs, or files that were made of them", () => {
    assert.deepEqual(addressOf("t/d/x.json", fakeOutputs, "--object"), { keyId: id, key: "t/d/x.json" });
    assert.deepEqual(addressOf("s3://raw/t/d/x.json", fakeOutputs, "--object"), { keyId: id, key: "t/d/x.json" });
    for (const made of [`pre/t/d/${id}-0123456789abcdef.csv`, `post/t/d/year=2026/${id}-0123456789abcdef.2.parquet`])
      assert.deepEqual(addressOf(`s3://stage/${made}`, fakeOutputs, "--object"), { keyId: id });
  });

  it("of anything else are refused with what is allowed", () => {
    for (const text of [
      "",
      "s3://raw/",
      "s3://other/t/d/x.json",
      "s3://stage/t/d/x.json",
      "s3://stage/post/t/d/x.parquet",
    ])
      assert.throws(() => addressOf(text, fakeOutputs, "--object"), code("InvalidObject", /s3:\/\/raw\/<key>/));
  });
});

describe("counts", () => {
  const BAD = "{broken";

  it("of what came are those of what was processed and what failed, redrives included", async () => {
    const lake = new FakeLake();
    for (let i = 0; i < 5; i++) await lake.arrive(`${KEY}${i}.json`, i === 3 ? BAD : record(i));
    await lake.settle();
    const { cost, milliseconds, ...found } = await counts(driverOf(lake), "engineering/meteorites");
    assert.deepEqual(found, {
      received: 5,
      processed: 4,
      failed: 1,
      inFlight: 0,
      superseded: 0,
      rows: 4,
      bytes: found.bytes,
    });
    assert.ok(found.bytes > 200 && cost > 0 && milliseconds >= 0);
    const proof = await proveCounts(driverOf(lake), "engineering/meteorites");
    assert.deepEqual([proof.holds, proof.differences], [true, []]);
  });

  it("do not agree when something is lost or counted twice, and the proof says what", async () => {
    const lake = new FakeLake();
    for (let i = 0; i < 3; i++) await lake.arrive(`${KEY}${i}.json`, record(i));
    await lake.settle();
    const lost = lake.object(`${KEY}1.json`);
    lake.dynamodb.put("objects", { ...lost, status: "STAGE_B" });
    const proof = await proveCounts(driverOf(lake), "engineering/meteorites");
    assert.equal(proof.holds, false);
    assert.deepEqual(proof.differences, [
      "the counter processed is 3, and there are 2 items PROCESSED",
      `${lost.keyId}/${lost.version} is STAGE_B`,
    ]);
  });

  it("tell what is on its way", async () => {
    const lake = new FakeLake();
    await lake.arrive(`${KEY}1.json`, record(1));
    await lake.route();
    assert.equal((await counts(driverOf(lake), "engineering/meteorites")).inFlight, 1);
    await lake.settle();
    assert.equal((await counts(driverOf(lake), "engineering/meteorites")).inFlight, 0);
  });
});
