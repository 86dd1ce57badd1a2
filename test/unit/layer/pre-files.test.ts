import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import { redriveStageB } from "../../../layer/flow/redrive";
import { erasePart, openPre, partsOf } from "../../../layer/pre-files";
import type { ObjectItem } from "../../../layer/store/metadata";
import { serviceError } from "./fakes/command";
import { eventOf, FakeLake, record } from "./fakes/lake";

const KEY = "engineering/meteorites/";
const REQUEST = { team: "engineering", dataset: "meteorites", max: 100 };

const preFiles = (lake: FakeLake) => lake.s3.keys("stage").filter((key) => key.startsWith("pre/"));
const csvOf = async ({ preKey = "", preStart, preBytes }: ObjectItem) =>
  text(await openPre({ preKey, preStart, preBytes }));
const putOf = (input: unknown) => (input as { Key?: string }).Key ?? "";

async function settled(bodies: Record<string, string>, lake = new FakeLake()): Promise<FakeLake> {
  for (const [name, body] of Object.entries(bodies)) await lake.arrive(`${KEY}${name}`, body);
  await lake.settle();
  return lake;
}

describe("layer: Stage A's files", () => {
  /** More than a small object's CSV may have. */
  const large = Array.from({ length: 6_000 }, (_, id) => record(100 + id)).join("\n");

  it("are shared by small objects, each of which finds its own part", async () => {
    const lake = await settled({ "1": record(1), "2": record(2), "3": `${record(3)}\n${record(4)}` });
    const [file = "", ...others] = preFiles(lake);
    assert.match(file, /^pre\/engineering\/meteorites\/shared-[0-9a-f]{40}\.csv$/);
    assert.deepEqual(others, []);
    for (const [name, rows] of [
      ["1", 1],
      ["2", 1],
      ["3", 2],
    ] as const) {
      const item = lake.object(`${KEY}${name}`);
      assert.deepEqual([item.status, item.rows, item.preKey], ["PROCESSED", rows, file]);
      const lines = (await csvOf(item)).trimEnd().split("\n");
      assert.match(lines[0] ?? "", /^id,name,/);
      assert.match(lines[1] ?? "", new RegExp(`Stone ${name}`));
      assert.equal(lines.length, 1 + rows);
    }
  });

  it("are the same for the same objects, whichever is read first", async () => {
    const bodies = Object.fromEntries([1, 2, 3, 4, 5, 6].map((id) => [String(id), record(id)]));
    const names = new Set<string>();
    for (let time = 0; time < 5; time++) names.add(preFiles(await settled(bodies)).join());
    assert.equal(names.size, 1);
  });

  it("are an object's own where it is large, or alone", async () => {
    const lake = await settled({ "1": record(1), "2": large, "3": record(3) });
    assert.deepEqual(
      preFiles(lake)
        .map((key) => key.includes("/shared-"))
        .sort(),
      [false, true],
    );
    assert.equal(lake.object(`${KEY}2`).preStart, undefined);
    assert.equal(lake.object(`${KEY}2`).rows, 6_000);
    const alone = await settled({ "1": record(1) });
    assert.deepEqual(
      preFiles(alone).map((key) => key.includes("/shared-")),
      [false],
    );
  });

  it("leave nothing out and nothing behind when they cannot be put at first", async () => {
    const lake = new FakeLake();
    let failures = 0;
    lake.s3.before = (name, input) => {
      if (name === "PutObjectCommand" && putOf(input).startsWith("pre/") && failures++ === 0)
        throw serviceError("SlowDown", 503);
    };
    await settled({ "1": record(1), "2": record(2) }, lake);
    for (const name of ["1", "2"]) {
      assert.equal(lake.object(`${KEY}${name}`).status, "PROCESSED");
      assert.equal(lake.object(`${KEY}${name}`).attempts, 2);
    }
    assert.equal(preFiles(lake).length, 1);
  });

  it("keep what a call wrote that nobody heard of, whatever the next one writes", async () => {
    const lake = new FakeLake();
    lake.breaks = { state: "Process", error: new Error("killed"), times: 1, afterwards: true };
    await settled({ "1": record(1), "2": record(2) }, lake);
    for (const name of ["1", "2"]) {
      const item = lake.object(`${KEY}${name}`);
      assert.equal(item.status, "PROCESSED");
      assert.match(await csvOf(item), new RegExp(`Stone ${name}`));
    }
  });

  it("forget a former part when an object gets a file of its own", async () => {
    const lake = await settled({ "1": record(1), "2": record(2) });
    const { key, size, etag, sequencer, preStart } = lake.object(`${KEY}2`);
    assert.ok(preStart !== undefined);
    const tributary = { origin: "backfill", again: "run-1", lastModified: "2026-11-21T12:00:00Z" };
    await lake.deliver(eventOf({ bucket: { name: "raw" }, object: { key, size, etag, sequencer }, tributary }));
    await lake.settle();
    const after = lake.object(`${KEY}2`);
    assert.deepEqual([after.status, after.redrives, after.preStart], ["PROCESSED", 1, undefined]);
    assert.match(await csvOf(after), /Stone 2/);
  });

  it("reject an object whose part was erased, and no other", async () => {
    const lake = new FakeLake();
    for (const id of [1, 2]) await lake.arrive(`${KEY}${id}`, record(id));
    await lake.route();
    await lake.stageA();
    const [file = ""] = preFiles(lake);
    const content = Buffer.from(lake.s3.body("stage", file));
    const { preStart = 0, preBytes = 0 } = lake.object(`${KEY}1`);
    erasePart(content, [preStart, preStart + preBytes]);
    lake.s3.put("stage", file, content);
    await lake.settle();
    assert.equal(lake.object(`${KEY}1`).error?.code, "StageFileGone");
    assert.equal(lake.object(`${KEY}2`).status, "PROCESSED");
    assert.equal((await redriveStageB({ ...REQUEST } as never)).redriven, 1);
  });

  it("tell their parts by their metadata", () => {
    assert.deepEqual(partsOf({ starts: "0,10,25" }, 40), [
      [0, 10],
      [10, 25],
      [25, 40],
    ]);
    assert.equal(partsOf({}, 40), undefined);
    assert.equal(partsOf(undefined, 40), undefined);
  });
});
