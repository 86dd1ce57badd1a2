import assert from "node:assert/strict";
import { counts } from "../../../automation/lake/counts";
import { storyOf, type Story } from "../../../automation/lake/story";
import { addressOf } from "../../../automation/lake/address";
import { describe as textOf } from "../../../automation/commands/object";
import { redriveStageA } from "../../../layer/flow/redrive";
import { redriveRequestSchema } from "../../../layer/messages";
import { code } from "../automation/fakes";
import { FakeLake, record } from "../layer/fakes/lake";
import { driverOf, fakeOutputs } from "./support";

const KEY = "engineering/meteorites/one.json";
const REQUEST = redriveRequestSchema.parse({ team: "engineering", dataset: "meteorites" });

const story = (lake: FakeLake, text = KEY): Promise<Story> =>
  storyOf(driverOf(lake), addressOf(text, fakeOutputs, "object"));

async function settled(...bodies: string[]): Promise<FakeLake> {
  const lake = new FakeLake();
  for (const body of bodies) {
    await lake.arrive(KEY, body);
    await lake.settle();
  }
  return lake;
}

describe("an object's story", () => {
  it("leads from the raw bucket over Stage A's file to the table, with sizes, rows and costs", async () => {
    const lake = await settled(record(1));
    const { versions, events, ...whole } = await story(lake);
    assert.deepEqual([whole.bucket, whole.key, whole.team, whole.dataset], ["raw", KEY, "engineering", "meteorites"]);
    assert.deepEqual(events, []);
    const [version] = versions;
    assert.ok(version && versions.length === 1);
    assert.deepEqual([version.status, version.current, version.rows, version.attempts], ["PROCESSED", true, 1, 1]);
    const size = (bucket: string, url: string) => lake.s3.body(bucket, url.slice(`s3://${bucket}/`.length)).length;
    assert.deepEqual(version.raw, { url: `s3://raw/${KEY}`, exists: true, bytes: record(1).length });
    assert.equal(version.pre?.bytes, size("stage", version.pre?.url ?? ""));
    assert.deepEqual(
      version.post.map(({ url }) => url),
      lake.files().map((file) => `s3://stage/${file}`),
    );
    assert.equal(version.post[0]?.bytes, size("stage", version.post[0]?.url ?? ""));
    assert.deepEqual(
      version.tries.map(({ stage, status }) => `${stage} ${status}`),
      ["A SUCCEEDED", "B SUCCEEDED"],
    );
    assert.ok(version.cost > 0 && whole.cost === version.cost && whole.milliseconds === version.milliseconds);
    assert.deepEqual([version.batch?.engine, version.batch?.objects, version.batch?.fileCount], ["duckdb", 1, 1]);
    assert.match(version.batch?.sqlDigest ?? "", /^[0-9a-f]{64}$/);
  });

  it("tells an object's part of a file that objects share", async () => {
    const lake = new FakeLake();
    for (const name of ["one", "two"]) await lake.arrive(KEY.replace("one", name), record(name.length));
    await lake.settle();
    const parts = await Promise.all(["one", "two"].map(async (name) => story(lake, KEY.replace("one", name))));
    const [one, two] = parts.map(({ versions }) => versions[0]?.pre);
    assert.equal(one?.url, two?.url);
    const places = [one, two].sort((a, b) => Number(a?.from) - Number(b?.from));
    assert.deepEqual([places[0]?.from, places[1]?.from], [0, places[0]?.bytes]);
    assert.match(textOf(parts[1]!), /pre +s3:.*from byte \d+ on/);
    assert.throws(() => addressOf(one?.url ?? "", fakeOutputs, "object"), code("InvalidObject", /several objects/));
  });

  it("says which version replaced which, and that the files of the one are gone", async () => {
    const lake = await settled(record(1), record(2));
    const { versions } = await story(lake);
    const [first, second] = versions;
    assert.deepEqual([first?.current, second?.current], [false, true]);
    assert.deepEqual([first?.supersededBy, second?.supersedes], [second?.version, [first?.version]]);
    assert.deepEqual([first?.post, second?.post.length], [[], 1]);
    // The bucket of the test keeps one version: the former one's bytes are not there any more.
    assert.deepEqual([first?.raw.exists, second?.raw.exists], [false, true]);
    assert.deepEqual([first?.pre?.exists, second?.pre?.exists], [true, true]);
  });

  it("tells failures and redrives", async () => {
    const lake = await settled("{broken");
    await redriveStageA(REQUEST);
    await lake.settle();
    const { versions, events } = await story(lake);
    assert.deepEqual([versions[0]?.status, versions[0]?.stage, versions[0]?.redrives], ["FAILED", "A", 1]);
    assert.match(versions[0]?.error ?? "", /^MalformedJson: /);
    assert.deepEqual(
      versions[0]?.tries.map(({ status }) => status),
      ["FAILED", "FAILED"],
    );
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ["redriven"],
    );
    assert.deepEqual([versions[0]?.pre, versions[0]?.post], [undefined, []]);
  });

  it("tells which rows broke an expectation and where they are, and that they go with their version", async () => {
    const lake = new FakeLake({
      expectations: [{ check: "range", column: "mass_g", min: 0, rule: "quarantine" }],
    });
    await lake.arrive(KEY, `${record(1)}\n${record(2, { mass: "-5" })}`);
    await lake.settle();
    const before = await story(lake);
    const [version] = before.versions;
    assert.deepEqual([version?.status, version?.rows, version?.quarantined], ["PROCESSED", 1, 1]);
    assert.match(version?.quarantine?.url ?? "", /^s3:\/\/stage\/quarantine\/engineering\/meteorites\//);
    assert.equal(version?.quarantine?.exists, true);
    assert.deepEqual(
      before.events.map(({ kind, detail }) => [kind, detail.rows]),
      [["quarantined", 1]],
    );
    assert.match(textOf(before), /range\(mass_g\): 1 of 2 \(quarantine\)/);
    assert.equal((await counts(driverOf(lake), "engineering/meteorites")).rows, 1);

    await lake.arrive(KEY, record(3));
    await lake.settle();
    const [first, second] = (await story(lake)).versions;
    assert.deepEqual([first?.quarantined, first?.quarantine, second?.quarantined], [undefined, undefined, undefined]);
    assert.deepEqual(
      lake.s3.keys("stage").filter((key) => key.startsWith("quarantine/")),
      [],
    );
  });

  it("is found from a file of the table, as a query of its path shows it", async () => {
    const lake = await settled(record(1));
    const { key } = await story(lake, `s3://stage/${lake.files()[0]}`);
    assert.equal(key, KEY);
  });

  it("says that a file is gone that somebody removed", async () => {
    const lake = await settled(record(1));
    const [file = ""] = lake.files();
    lake.s3.remove("stage", file);
    const { versions } = await story(lake);
    assert.deepEqual(versions[0]?.post, [{ url: `s3://stage/${file}`, exists: false }]);
    assert.match(textOf(await story(lake)), /post +s3:\S+ {2}gone/);
  });

  it("of an object that the lake never heard of tells what to do", async () => {
    const lake = new FakeLake();
    await lake.arrive(KEY, record(1), { silent: true });
    await assert.rejects(story(lake), code("UnknownObject", /its event was lost/));
    await assert.rejects(story(lake, "engineering/meteorites/none.json"), code("UnknownObject", /not in the bucket/));
    const file = `s3://stage/post/t/d/${"0".repeat(32)}-${"0".repeat(16)}.parquet`;
    await assert.rejects(story(lake, file), code("UnknownObject", /no object has the id/));
  });

  it("is a text that holds all of it, a line each, and nothing that moves a cursor", async () => {
    const hostile = "engineering/meteorites/\u001b[31mred\nnew line.json";
    const lake = new FakeLake();
    await lake.arrive(hostile, record(1));
    await lake.settle();
    const told = textOf(await story(lake, hostile));
    assert.ok(!told.includes("\u001b") && !told.includes("red\nnew"), told);
    for (const part of [
      "1 version, 2 tries",
      "(current)",
      "PROCESSED, 1 row, 1 attempt",
      "stage A",
      "stage B",
      "duckdb",
      "USD",
    ])
      assert.ok(told.includes(part), `${part} is missing in:\n${told}`);
  });
});
