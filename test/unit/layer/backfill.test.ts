import assert from "node:assert/strict";
import { backfillCallSchema, type BackfillCounts, type BackfillSummary } from "../../../layer/backfill-messages";
import { backfill } from "../../../layer/flow/backfill";
import type { Manifest } from "../../../layer/manifest";
import { FakeLake, record } from "./fakes/lake";

const FOLDER = "engineering/meteorites/";
const LONG_AGO = new Date("2026-11-01T06:00:00Z");

const request = {
  ...{ run: "run-1", team: "engineering", dataset: "meteorites", origin: "command" },
  ...{ startedAt: "2026-11-21T00:00:00Z", again: false, dryRun: false },
};

const call = (input: unknown) => backfill(backfillCallSchema.parse(input));

/** What the state machine's reader tells of an object. */
function listed(lake: FakeLake, key: string) {
  const body = lake.s3.body("raw", key);
  return {
    Key: key,
    Etag: `"${lake.s3.etag("raw", key)}"`,
    Size: body.length,
    LastModified: LONG_AGO.getTime() / 1000,
  };
}

async function register(lake: FakeLake, keys: string[], change: object = {}): Promise<BackfillCounts> {
  const Items = keys.map((key) => ({ object: listed(lake, key), request: { ...request, ...change } }));
  return (await call({ action: "register", input: { Items } })) as BackfillCounts;
}

function lakeOf(change: Partial<Manifest> = {}): FakeLake {
  const lake = new FakeLake(change);
  lake.s3.now = () => LONG_AGO;
  return lake;
}

const only = ({ listed, sent, known }: BackfillCounts) => ({ listed, sent, known });

for (const local of [false, true]) {
  describe(`layer: backfill where events ${local ? "tell no version ids" : "tell version ids"}`, () => {
    beforeEach(() => {
      process.env.ARRIVALS_QUEUE_URL = "arrivals";
      if (local) process.env.AWS_ENDPOINT_URL = "https://localhost";
      else delete process.env.AWS_ENDPOINT_URL;
    });
    after(() => delete process.env.AWS_ENDPOINT_URL);

    /** The event as it would have come. */
    const late = (lake: FakeLake, key: string, event: string) => {
      if (local) return event;
      const parsed = JSON.parse(event) as { detail: { object: Record<string, unknown> } };
      parsed.detail.object["version-id"] = lake.s3.versionId("raw", key);
      return JSON.stringify(parsed);
    };
    const silently = async (lake: FakeLake, key: string, body: string) => {
      const event = await lake.arrive(key, body, { silent: true });
      const parsed = JSON.parse(event) as { time: string };
      parsed.time = LONG_AGO.toISOString();
      return late(lake, key, JSON.stringify(parsed));
    };

    it("processes what lay there before, once, also when its event comes later", async () => {
      const lake = lakeOf();
      const key = `${FOLDER}old.json`;
      const event = await silently(lake, key, record(1));
      assert.deepEqual(only(await register(lake, [key])), { listed: 1, sent: 1, known: 0 });
      await lake.settle();
      assert.equal(lake.object(key).status, "PROCESSED");
      await lake.deliver(event);
      await lake.settle();
      assert.equal(lake.objects().length, 1, "the late event is about the same version");
      assert.equal(lake.files().length, 1);
      assert.deepEqual(only(await register(lake, [key])), { listed: 1, sent: 0, known: 1 });
    });

    it("leaves alone what came by its event", async () => {
      const lake = lakeOf();
      const key = `${FOLDER}event.json`;
      await lake.deliver(await silently(lake, key, record(1)));
      await lake.settle();
      assert.deepEqual(only(await register(lake, [key])), { listed: 1, sent: 0, known: 1 });
      await lake.settle();
      assert.equal(lake.objects().length, 1);
    });

    it("lets a version win that was put after the one that was found", async () => {
      const lake = lakeOf();
      const key = `${FOLDER}replaced.json`;
      await silently(lake, key, record(1));
      await register(lake, [key]);
      await lake.settle();
      lake.s3.now = () => new Date(LONG_AGO.getTime() + 60_000);
      const event = await silently(lake, key, record(2));
      const parsed = JSON.parse(event) as { time: string; detail: { object: { sequencer: string } } };
      parsed.time = new Date(LONG_AGO.getTime() + 60_000).toISOString();
      const seconds = LONG_AGO.getTime() / 1000 + 60;
      const hex = (value: number, digits: number) => value.toString(16).toUpperCase().padStart(digits, "0");
      parsed.detail.object.sequencer = local ? hex(seconds * 1e6, 18) : `00${hex(seconds, 8)}00000001`;
      await lake.deliver(JSON.stringify(parsed));
      await lake.settle();
      assert.equal(lake.objects().length, 2);
      assert.deepEqual(
        lake.currents().map(({ current }) => current),
        [lake.object(key).version],
      );
      assert.equal(lake.objects().filter(({ supersededBy }) => supersededBy === undefined).length, 1);
    });

    it("processes once more what is asked for again, once a run", async () => {
      const lake = lakeOf();
      const keys = ["good", "bad"].map((name) => `${FOLDER}${name}.json`);
      await lake.deliver(await silently(lake, keys[0] as string, record(1)));
      await lake.deliver(await silently(lake, keys[1] as string, "{"));
      await lake.settle();
      const files = lake.files();
      for (const sent of [2, 0]) {
        // What was sent twice by a state that was tried again changes nothing.
        await register(lake, keys, { again: true });
        await lake.settle();
        assert.deepEqual(
          lake
            .objects()
            .map(({ status }) => status)
            .sort(),
          ["FAILED", "PROCESSED"],
          `${sent}`,
        );
        assert.deepEqual(
          lake.objects().map(({ redrives }) => redrives),
          [1, 1],
        );
      }
      assert.deepEqual(lake.files(), files, "the same rows, the same names");
      await register(lake, keys, { again: true, run: "run-2" });
      await lake.settle();
      assert.deepEqual(
        lake.objects().map(({ redrives }) => redrives),
        [2, 2],
      );
    });
  });
}

describe("layer: what a backfill looks at", () => {
  beforeEach(() => (process.env.ARRIVALS_QUEUE_URL = "arrivals"));

  it("takes one object alone, where the state machine makes no batches", async () => {
    const lake = lakeOf();
    await lake.arrive(`${FOLDER}one.json`, record(1), { silent: true });
    const counts = await call({ action: "register", input: { object: listed(lake, `${FOLDER}one.json`), request } });
    assert.deepEqual(only(counts as BackfillCounts), { listed: 1, sent: 1, known: 0 });
  });

  it("counts folders, what is older, and what is gone; and sends nothing in a dry run", async () => {
    const lake = lakeOf();
    await lake.arrive(`${FOLDER}folder/`, "", { silent: true });
    for (const name of ["a", "b"]) await lake.arrive(`${FOLDER}${name}`, record(1), { silent: true });
    const gone = { object: { ...listed(lake, `${FOLDER}a`), Key: `${FOLDER}gone` }, request };
    const Items = [
      gone,
      ...[`${FOLDER}folder/`, `${FOLDER}a`].map((key) => ({
        object: listed(lake, key),
        request: { ...request, dryRun: true },
      })),
      { object: { ...listed(lake, `${FOLDER}b`), LastModified: "2020-01-01T00:00:00Z" }, request },
    ].map((item) => ({ ...item, request: { ...request, dryRun: true, since: "2021-01-01T00:00:00Z" } }));
    const counts = await call({ action: "register", input: { Items } });
    assert.deepEqual(counts, { listed: 4, sent: 1, known: 0, older: 1, gone: 1, folders: 1, bytes: record(1).length });
    assert.equal(lake.sqs.receive("arrivals").length, 0);
  });

  it("never takes what belongs to another dataset", async () => {
    const lake = lakeOf();
    await lake.arrive("engineering/other/a", record(1), { silent: true });
    await assert.rejects(register(lake, ["engineering/other/a"]), { code: "ForeignKey" });
  });

  it("begins with the dataset's folder, whatever the prefix, and refuses unknown datasets", async () => {
    lakeOf();
    const begin = (input: object) =>
      call({ action: "begin", run: "r", startedAt: "2026-11-21T00:00:00.123Z", input: { ...request, ...input } });
    const { prefix, objects } = (await begin({ prefix: "../../sales/", objects: ["a", "b/c"] })) as {
      prefix: string;
      objects: string[];
    };
    assert.equal(prefix, `${FOLDER}../../sales/`);
    assert.deepEqual(objects, [`${FOLDER}a`, `${FOLDER}b/c`]);
    await assert.rejects(begin({ dataset: "nothing" }), { code: "DatasetMissing" });
    assert.ok(!backfillCallSchema.safeParse({ action: "begin", run: "r", startedAt: "x", input: {} }).success);
  });

  it("ignores events of a dataset that they do not trigger, says so, and takes its objects by a backfill", async () => {
    const lake = lakeOf({ triggers: { events: false, http: false } });
    await lake.arrive(`${FOLDER}quiet.json`, record(1));
    await lake.settle();
    assert.equal(lake.objects().length, 0);
    const [event] = lake.dynamodb.items<{ kind: string; detail: { key: string } }>("events");
    assert.deepEqual([event?.kind, event?.detail.key], ["ignored", `${FOLDER}quiet.json`]);
    await register(lake, [`${FOLDER}quiet.json`]);
    await lake.settle();
    assert.equal(lake.object(`${FOLDER}quiet.json`).status, "PROCESSED");
  });
});

describe("layer: the end of a backfill", () => {
  const counts = { listed: 2, sent: 1, known: 1, older: 0, gone: 0, folders: 0, bytes: 5 };
  const finish = (results: unknown, change: object = {}) =>
    call({ action: "finish", results, request: { ...request, ...change } }) as Promise<BackfillSummary>;

  it("adds up what the calls answered, and counts those that failed", async () => {
    const lake = lakeOf();
    const summary = await finish([counts, null, counts]);
    assert.deepEqual([summary.listed, summary.sent, summary.bytes, summary.failedBatches], [4, 2, 10, 1]);
    const [event] = lake.dynamodb.items<{ kind: string; detail: object }>("events");
    assert.equal(event?.kind, "backfilled");
    assert.deepEqual(event.detail, { ...summary, origin: "command" });
  });

  it("reads what the Map wrote into a bucket, whole or compact", async () => {
    const lake = lakeOf();
    const put = (key: string, body: unknown) =>
      lake.s3.put("analytics", key, typeof body === "string" ? body : JSON.stringify(body));
    put("b/manifest.json", {
      ResultFiles: { SUCCEEDED: [{ Key: "b/1" }, { Key: "b/2" }], FAILED: [{ Key: "b/3" }], PENDING: [] },
    });
    put("b/1", [{ Output: JSON.stringify(counts), Status: "SUCCEEDED" }]);
    put("b/2", `${JSON.stringify(counts)}\n${JSON.stringify(counts)}\n`);
    put("b/3", [{ Error: "Boom" }]);
    const summary = await finish({ ResultWriterDetails: { Bucket: "analytics", Key: "b/manifest.json" } });
    assert.deepEqual([summary.listed, summary.failedBatches], [6, 1]);
  });

  it("remembers a schedule's last complete run, from which the next one begins", async () => {
    lakeOf();
    const begin = async () => {
      const input = { team: "engineering", dataset: "meteorites", origin: "schedule" };
      const answer = await call({ action: "begin", run: "r", startedAt: "2026-11-21T09:00:00Z", input });
      return (answer as { request: { since?: string } }).request.since;
    };
    assert.equal(await begin(), undefined, "the first looks at all");
    await finish([counts, null], { origin: "schedule" });
    assert.equal(await begin(), undefined, "one that was not complete does not count");
    await finish([counts], { origin: "schedule" });
    assert.equal(await begin(), "2026-11-20T18:00:00.000Z");
  });
});
