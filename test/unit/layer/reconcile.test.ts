import assert from "node:assert/strict";
import { fileStem } from "../../../layer/identity";
import { left, type Findings } from "../../../layer/reconcile/types";
import { readMetrics } from "../../../layer/store/metrics";
import { serviceError } from "./fakes/command";
import { FakeLake, QUEUES, record } from "./fakes/lake";
import { compare, KEY, processed } from "./support/reconcile";

function kinds({ found }: Findings): string[] {
  return found.map(({ kind }) => kind).sort();
}

/** Everything has one outcome, and the table holds what it should. */
async function isWhole(lake: FakeLake): Promise<void> {
  await lake.settle();
  const findings = await compare();
  assert.deepEqual([left(findings), findings.found], [0, []]);
  const {
    received = 0,
    redriven = 0,
    reprocessed = 0,
    processed = 0,
    failed = 0,
  } = await readMetrics("engineering", "meteorites");
  assert.equal(received + redriven + reprocessed, processed + failed, "what came in came out");
}

describe("layer: reconcile", () => {
  it("finds nothing where everything is as it should be, and says how much it looked at", async () => {
    const lake = await processed("a.json", "b.json", "c.json");
    await lake.arrive(`${KEY}bad.json`, "{");
    await lake.settle();
    const findings = await compare();
    assert.deepEqual(findings.checked, { versions: 4, items: 4, files: 3, rows: 3 });
    assert.equal(left(findings), 0);
    assert.equal(findings.notes.failed, 1);
  });

  it("sends the event of an object that nobody told of, once and for all", async () => {
    const lake = await processed("a.json");
    const event = await lake.arrive(`${KEY}lost.json`, record(9), { silent: true });
    const found = await compare();
    assert.deepEqual(kinds(found), ["unseen"]);
    assert.equal(found.found[0]?.key, `${KEY}lost.json`);
    const mended = await compare({ mend: true });
    assert.deepEqual([mended.mended.sent, left(mended), mended.found[0]?.mended], [1, 0, true]);
    await lake.settle();
    assert.equal(lake.object(`${KEY}lost.json`).status, "PROCESSED");
    // Its own event comes late, after all, with the version id that S3 gave it.
    const late = JSON.parse(event) as { detail: { object: object } };
    Object.assign(late.detail.object, { "version-id": lake.s3.versionId("raw", `${KEY}lost.json`) });
    await lake.deliver(JSON.stringify(late));
    await isWhole(lake);
    assert.equal(lake.objects().length, 2);
  });

  it("leaves alone what is young", async () => {
    const lake = await processed("a.json");
    await lake.arrive(`${KEY}lost.json`, record(9), { silent: true });
    const findings = await compare({ minAge: undefined, mend: true });
    assert.deepEqual([left(findings), findings.notes.young, findings.mended.sent], [0, 1, 0]);
    lake.s3.now = () => new Date(Date.now() - 3_700_000);
    await lake.arrive(`${KEY}old.json`, record(10), { silent: true });
    assert.deepEqual(kinds(await compare({ minAge: undefined })), ["unseen"]);
  });

  const places: [string, (lake: FakeLake) => Promise<void>][] = [
    [
      "in Stage A's queue",
      async (lake) => {
        await lake.route();
        lake.sqs.purge(QUEUES.a);
      },
    ],
    [
      "in Stage A",
      async (lake) => {
        await lake.route();
        lake.breaks = { state: "PostUpdate", error: new Error("gone"), times: 1 };
        await lake.stageA();
        lake.sqs.purge(QUEUES.a);
        lake.breaks = undefined;
      },
    ],
    [
      "in Stage B's queue",
      async (lake) => {
        await lake.route();
        await lake.stageA();
        lake.sqs.purge(QUEUES.b);
      },
    ],
    [
      "in a Stage B execution",
      async (lake) => {
        await lake.route();
        await lake.stageA();
        await lake.startB();
        lake.forgetExecutions();
      },
    ],
  ];
  for (const [where, lose] of places) {
    it(`sends again what was lost ${where}, and it gets its one outcome`, async () => {
      const lake = await processed("a.json");
      await lake.arrive(`${KEY}x.json`, record(7));
      await lose(lake);
      await lake.settle();
      assert.deepEqual(kinds(await compare()), ["stuck"]);
      assert.equal((await compare({ mend: true })).mended.sent, 1);
      await isWhole(lake);
      const x = lake.object(`${KEY}x.json`);
      assert.deepEqual([x.status, x.redrives, x.rows], ["PROCESSED", 1, 1]);
      const ends = lake
        .history()
        .filter((one) => one.object === x.key && one.stage === "B" && one.status === "SUCCEEDED");
      assert.equal(ends.length, 1);
    });
  }

  /** Objects in executions of Stage B; since when, by their items. */
  async function inStageB(hours: number, ...batches: string[][]): Promise<FakeLake> {
    const lake = new FakeLake();
    for (const names of batches) {
      for (const name of names) await lake.arrive(`${KEY}${name}`, record(names.indexOf(name) + 1));
      await lake.route();
      await lake.stageA();
      await lake.startB();
    }
    const updatedAt = new Date(Date.now() - hours * 3_600_000).toISOString();
    for (const item of lake.objects()) lake.dynamodb.put("objects", { ...item, updatedAt });
    return lake;
  }

  for (const [hours, what, stuck] of [
    [0.9, "has ended", 0],
    [1.1, "has ended", 2],
    [1.1, "was never started", 2],
    [1.1, "runs", 0],
    [30.9, "runs", 0],
    [31.1, "runs", 2],
  ] as const) {
    it(`takes ${stuck} of 2 for stuck after ${hours} hours in a batch whose execution ${what}`, async () => {
      const lake = await inStageB(hours, ["a.json", "b.json"]);
      if (what === "has ended") lake.forgetExecutions();
      if (what === "was never started") lake.stageBExecutions.started.splice(0);
      const { differences, notes } = await compare({ minAge: undefined });
      assert.deepEqual([differences.stuck, notes.young], [stuck, 2 - stuck]);
    });
  }

  it("asks once for each batch, and only about what would count", async () => {
    const lake = await inStageB(2, ["a.json", "b.json"], ["c.json"]);
    await lake.arrive(`${KEY}d.json`, record(9));
    await lake.route();
    await compare({ minAge: undefined });
    assert.deepEqual([...lake.stageBExecutions.described].sort(), [...lake.executions].sort());
    const young = await inStageB(0, ["a.json"]);
    await compare({ minAge: undefined });
    assert.deepEqual(young.stageBExecutions.described, []);
  });

  it("waits for a batch that it could not ask about, and says so when it may not ask", async () => {
    const lake = await inStageB(2, ["a.json"]);
    lake.forgetExecutions();
    const { stageBExecutions } = lake;
    stageBExecutions.describe = () => {
      throw serviceError("ThrottlingException", 400);
    };
    assert.equal((await compare({ minAge: undefined })).notes.young, 1);
    stageBExecutions.describe = () => {
      throw serviceError("AccessDeniedException", 400);
    };
    await assert.rejects(compare({ minAge: undefined }), { name: "AccessDeniedException" });
  });

  it("changes nothing when it mends what moves on at that moment", async () => {
    const lake = await processed("a.json");
    await lake.arrive(`${KEY}x.json`, record(7));
    await lake.route();
    // It was not lost: the second message finds an object that has its outcome.
    await compare({ mend: true });
    await isWhole(lake);
    assert.equal(lake.object(`${KEY}x.json`).rows, 1);
  });

  it("makes the files once more that are missing, if their object is still there", async () => {
    const lake = await processed("a.json", "b.json");
    for (const file of lake.files()) lake.s3.remove("stage", file);
    lake.s3.remove("raw", `${KEY}b.json`);
    const found = await compare({ mend: true });
    assert.deepEqual(kinds(found), ["missing", "missing"]);
    assert.deepEqual([found.mended.sent, left(found), found.notes.gone], [1, 1, 1]);
    await lake.settle();
    const after = await compare();
    assert.deepEqual(kinds(after), ["missing"]);
    assert.equal(after.found[0]?.key, `${KEY}b.json`);
    assert.equal(lake.files().length, 1);
  });

  it("finds missing files without looking at each where rows are not counted", async () => {
    const lake = await processed("a.json", "b.json");
    const requests = () => (lake.s3.requests.HeadObjectCommand ?? 0) + (lake.s3.requests.GetObjectCommand ?? 0);
    const before = requests();
    assert.equal(left(await compare({ rowsSince: null })), 0);
    assert.equal(requests(), before, "no file was asked for by itself");
    lake.s3.remove("stage", lake.files()[0] as string);
    assert.deepEqual(kinds(await compare({ rowsSince: null })), ["missing"]);
  });

  it("deletes files of no current version, and no others", async () => {
    const lake = await processed("a.json", "b.json");
    const kept = lake.files();
    const folder = "post/engineering/meteorites/fall=Fell/";
    const lost = `${folder}${"0".repeat(32)}-${"1".repeat(16)}.parquet`;
    lake.s3.put("stage", lost, "PAR1");
    lake.s3.put("stage", `${folder}notes.txt`, "by hand");
    await lake.arrive(`${KEY}x.json`, record(7));
    await lake.route();
    const busy = `${folder}${fileStem(lake.object(`${KEY}x.json`))}.1.parquet`;
    lake.s3.put("stage", busy, "PAR1");
    const found = await compare({ minAge: 0 });
    assert.deepEqual(
      found.found.filter(({ kind }) => kind === "orphan").map(({ file }) => file),
      [lost, `${folder}notes.txt`],
    );
    const mended = await compare({ mend: true, minAge: 0 });
    assert.equal(mended.mended.deleted, 1);
    assert.deepEqual(lake.files(), [...kept, busy, `${folder}notes.txt`].sort());
    assert.equal(left(mended), 1, "what somebody put there by hand stays, and is told");
    assert.equal((await compare({ mend: true, minAge: undefined })).mended.deleted, 0, "an hour has to pass");
  });

  it("notices files with other rows than recorded, and files that cannot be read", async () => {
    const lake = await processed("a.json", "b.json");
    await lake.arrive(`${KEY}two.json`, `${record(5)}\n${record(6)}`);
    await lake.settle();
    const file = (name: string) => lake.object(`${KEY}${name}`).postFiles?.[0] as string;
    lake.s3.put("stage", file("a.json"), lake.s3.body("stage", file("two.json")));
    lake.s3.put("stage", file("b.json"), "no Parquet");
    const { found } = await compare();
    assert.deepEqual(found.map(({ kind, key }) => `${kind} ${key}`).sort(), [`rows ${KEY}a.json`, `rows ${KEY}b.json`]);
    assert.match(found.find(({ key }) => key === `${KEY}a.json`)?.detail ?? "", /hold 2 rows, recorded are 1/);
  });

  it("notices a version that is processed, but not the table's", async () => {
    const lake = await processed("a.json");
    const { keyId } = lake.object(`${KEY}a.json`);
    const current = lake.currents()[0];
    lake.dynamodb.put("objects", {
      ...current,
      keyId,
      version: "CURRENT",
      current: "another",
      sequencer: "0",
      files: [],
    });
    assert.deepEqual(kinds(await compare()), ["orphan", "unnamed"]);
    await compare({ mend: true });
    await lake.settle();
    assert.equal(lake.currents()[0]?.current, lake.object(`${KEY}a.json`).version);
  });

  it("lets a later version be published while the current one is made once more", async () => {
    const lake = await processed("a.json");
    for (const file of lake.files()) lake.s3.remove("stage", file);
    await compare({ mend: true });
    const waiting = lake.sqs.messages(QUEUES.a).length;
    await lake.arrive(`${KEY}a.json`, record(2));
    await lake.route();
    assert.equal(waiting, 1);
    lake.sqs.purge(QUEUES.a);
    // Only the later one comes to Stage B; the former still stands at RECEIVED.
    await compare({ mend: true });
    await lake.settle();
    assert.deepEqual(
      lake.objects().map(({ status }) => status),
      ["PROCESSED", "PROCESSED"],
    );
    assert.equal(lake.currents()[0]?.current, lake.object(`${KEY}a.json`).version);
    await isWhole(lake);
  });

  it("keeps the order of versions whose events are lost", async () => {
    const lake = new FakeLake();
    const seconds = (ago: number) => () => new Date(Date.now() - ago * 1_000);
    lake.s3.now = seconds(300);
    await lake.arrive(`${KEY}a.json`, record(1), { silent: true });
    lake.s3.now = seconds(200);
    await lake.arrive(`${KEY}a.json`, record(2), { silent: true });
    const findings = await compare({ mend: true });
    // Nothing of the first would be in the table: it was replaced before the lake knew of it.
    assert.deepEqual([findings.mended.sent, findings.notes.replaced], [1, 1]);
    await lake.settle();
    lake.s3.now = seconds(100);
    await lake.arrive(`${KEY}a.json`, record(3), { silent: true });
    lake.s3.now = seconds(50);
    await lake.arrive(`${KEY}a.json`, record(4), { silent: true });
    await compare({ mend: true });
    await isWhole(lake);
    const version = lake.s3.versionId("raw", `${KEY}a.json`);
    assert.equal(lake.currents()[0]?.current, version, "the newest version is the table's");
    assert.equal(lake.objects().filter(({ supersededBy }) => supersededBy === undefined).length, 1);
  });

  it("counts what no event triggers as waiting", async () => {
    const lake = new FakeLake({ triggers: { events: false, http: false } });
    await lake.arrive(`${KEY}a.json`, record(1), { silent: true });
    const findings = await compare({ mend: true });
    assert.deepEqual([left(findings), findings.notes.waiting, findings.mended.sent], [0, 1, 0]);
  });
});
