import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import fc from "fast-check";
import { openBackend, type Backend } from "../../../automation/backend";
import { TributaryError } from "../../../automation/errors";
import { silent, type DriverEvent } from "../../../automation/events";
import { guardHolder } from "../../../automation/guard";
import {
  beginRecord,
  endRecord,
  expectationOf,
  history,
  lastRecord,
  newRun,
  recordableSettings,
  recordedWork,
  secondsLeft,
  type Beginning,
  type Deployment,
} from "../../../automation/records";
import { changedFiles } from "../../../automation/records/revision";
import { whoRuns } from "../../../automation/records/write";

const project = "tributary";
const stack = "dev";
const changes = { create: 1, update: 2, delete: 3, same: 4 };

function beginning(more: Partial<Beginning> = {}): Beginning {
  return {
    kind: "deploy",
    project,
    target: { env: "dev", region: "eu-west-1", stack, wave: 0 },
    run: newRun(),
    revision: { commit: "a".repeat(40), dirty: false, program: "sha256:1" },
    settings: { values: { "aws:region": "eu-west-1" }, secret: [] },
    ...more,
  };
}

describe("records", () => {
  let root: string;
  let backend: Backend;
  beforeEach(async () => {
    root = await fs.mkdtemp(path.join(os.tmpdir(), "tributary-records-"));
    backend = openBackend(root, { backend: "file://./state" });
  });
  afterEach(() => fs.rm(root, { recursive: true, force: true }));

  const all = () => history(backend.files, project, [stack]);
  const work = (sink = silent) => ({ backend, sink, signal: new AbortController().signal });

  it("a begin and an end become one deployment, newest first", async () => {
    for (const seconds of [10, 20]) {
      const begin = await beginRecord(backend.files, beginning());
      await endRecord(backend.files, begin, { result: "succeeded", changes, seconds, images: { f: "r@sha256:1" } });
    }
    const { deployments, unreadable } = await all();
    assert.deepEqual(unreadable, []);
    assert.deepEqual(
      deployments.map(({ seconds, result }) => [seconds, result]),
      [
        [20, "succeeded"],
        [10, "succeeded"],
      ],
    );
    assert.deepEqual(deployments[0]!.images, { f: "r@sha256:1" });
    assert.equal(deployments[0]!.target.region, "eu-west-1");
    assert.equal((await lastRecord(backend.files, project, stack))?.seconds, 20);
    assert.equal((await history(backend.files, project, [stack], { limit: 1 })).deployments.length, 1);
  });

  it("stay in the order in which they were written, whatever the clocks say", async () => {
    const clock = fc.array(fc.date({ min: new Date("2020-01-01"), max: new Date("2030-01-01"), noInvalidDate: true }), {
      minLength: 2,
      maxLength: 6,
    });
    let turn = 0;
    await fc.assert(
      fc.asyncProperty(clock, async (times) => {
        const own = openBackend(root, { backend: `file://./state-${turn++}` });
        const ids: string[] = [];
        for (const time of times) ids.push((await beginRecord(own.files, beginning(), time)).id);
        const found = await history(own.files, project, [stack]);
        assert.deepEqual(found.deployments.map(({ id }) => id).reverse(), ids);
      }),
      { numRuns: 4 },
    );
  });

  it("are never rewritten: a second end changes nothing", async () => {
    const begin = await beginRecord(backend.files, beginning());
    await endRecord(backend.files, begin, {
      result: "failed",
      changes,
      seconds: 1,
      error: { code: "A", message: "b" },
    });
    await endRecord(backend.files, begin, { result: "succeeded", changes, seconds: 2 });
    assert.equal((await all()).deployments[0]!.result, "failed");
  });

  it("foreign and cut off files are named, and the others are read", async () => {
    const good = await beginRecord(backend.files, beginning());
    const torn = await beginRecord(backend.files, beginning());
    const folder = path.join(root, "state", ".tributary", "records", project, stack);
    const text = await fs.readFile(path.join(folder, `${torn.id}.begin.json`), "utf8");
    await fs.writeFile(path.join(folder, `${torn.id}.begin.json`), text.slice(0, 100));
    await fs.writeFile(path.join(folder, "notes.txt"), "somebody's");
    await fs.writeFile(path.join(folder, `${good.id}.end.json`), JSON.stringify({ format: 9 }));
    const { deployments, unreadable } = await all();
    assert.deepEqual(
      deployments.map(({ id }) => id),
      [good.id],
    );
    assert.deepEqual(
      unreadable.map(({ key }) => path.basename(key)).sort(),
      [`${good.id}.end.json`, `${torn.id}.begin.json`, "notes.txt"].sort(),
    );
    assert.equal((await lastRecord(backend.files, project, stack))?.id, good.id, "what cannot be read does not count");
  });

  it("work is under the guard, recorded as running, then as it ended", async () => {
    const value = await recordedWork(work(), "deploy dev", beginning(), async ({ guard, begin }) => {
      assert.equal((await guardHolder(backend.files, { project, stack }))?.owner, guard.owner);
      assert.equal((await all()).deployments[0]!.result, "running");
      return { value: begin.id, ending: { changes, resources: 7 } };
    });
    const [record] = (await all()).deployments;
    assert.deepEqual([record?.id, record?.result, record?.resources], [value, "succeeded", 7]);
    assert.equal(await guardHolder(backend.files, { project, stack }), undefined);
  });

  it("work that throws is recorded with its error, and throws it", async () => {
    const broken = new TributaryError("a bucket is missing", { code: "DeploymentFailed" });
    const run = recordedWork(
      work(),
      "deploy dev",
      beginning(),
      () => Promise.reject(broken),
      () => ({ changes }),
    );
    await assert.rejects(run, (error) => error === broken);
    const [record] = (await all()).deployments;
    assert.deepEqual(record?.error, { code: "DeploymentFailed", message: "a bucket is missing" });
    assert.deepEqual([record.result, record.changes], ["failed", changes]);
  });

  it("work that a person stopped is interrupted", async () => {
    const stop = new AbortController();
    const run = recordedWork({ backend, sink: silent, signal: stop.signal }, "deploy dev", beginning(), async () => {
      stop.abort();
      throw new TributaryError("stopped", { code: "DeploymentFailed" });
    });
    await assert.rejects(run);
    assert.equal((await all()).deployments[0]!.result, "interrupted");
  });

  it("a begin whose guard is gone is interrupted", async () => {
    await beginRecord(backend.files, beginning({ guard: { owner: "somebody", generation: 3 } }));
    assert.equal((await all()).deployments[0]!.result, "interrupted");
  });

  it("says so where nothing guards the stack against other machines", async () => {
    const events: DriverEvent[] = [];
    const azure = openBackend(root, { backend: "azblob://states" });
    const place = { backend: azure, sink: (event: DriverEvent) => events.push(event), signal: work().signal };
    await recordedWork(place, "deploy dev", beginning(), async () => ({ value: 1, ending: { changes } }));
    assert.match(JSON.stringify(events), /Azure Blob Storage are guarded against commands of this checkout only/);
  });

  it("hold no secret, at whatever depth it is", () => {
    const settings = recordableSettings(`
encryptionsalt: v1:salt
config:
  aws:region: eu-west-1
  aws:secretKey: in-plain-text
  other:key: not ours
  tributary:plain: { a: [1, { b: text }] }
  tributary:password: { secure: v1:cipher }
  tributary:deep: { list: [{ token: { secure: v1:cipher } }] }
`);
    assert.deepEqual(settings.secret, ["aws:secretKey", "tributary:deep", "tributary:password"]);
    assert.deepEqual(settings.values, { "aws:region": "eu-west-1", "tributary:plain": { a: [1, { b: "text" }] } });
    assert.doesNotMatch(JSON.stringify(settings.values), /cipher|plain-text|salt/);
    assert.deepEqual(recordableSettings(""), { values: {}, secret: [] });
  });

  it("name who started a build, and else who runs it", () => {
    assert.equal(whoRuns({ GITHUB_ACTOR: "somebody" }), "somebody");
    assert.equal(whoRuns({ CODEBUILD_INITIATOR: "codepipeline/dev" }), "codepipeline/dev");
    assert.equal(whoRuns({}), os.userInfo().username);
  });

  it("changed files are read from git's status, whatever their names", () => {
    assert.deepEqual(changedFiles(" M index.ts\0?? new file.ts\0 D a\nb.ts\0"), ["index.ts", "new file.ts", "a\nb.ts"]);
    assert.deepEqual(changedFiles(""), []);
  });

  it("the time left comes from the last runs, and more and more from this one", () => {
    const done = (seconds: number, create: number, result: Deployment["result"] = "succeeded") =>
      ({
        kind: "deploy",
        result,
        seconds,
        resources: 40,
        changes: { create, update: 0, delete: 0, same: 0 },
      }) as Deployment;
    const expected = expectationOf([done(9, 0), done(60, 3), done(900, 5, "failed"), done(70, 1), done(65, 1)]);
    assert.deepEqual(expected, { seconds: 65, unchangedSeconds: 9, resources: 40 });
    assert.deepEqual(expectationOf([]), {});
    assert.equal(secondsLeft(undefined, 3, 0), undefined);
    assert.equal(secondsLeft(60, 10, 0), 50);
    assert.equal(secondsLeft(undefined, 30, 0.5), 30);
    assert.equal(secondsLeft(60, 90, 1), 0);
    assert.equal(secondsLeft(60, 80, 0), 0, "never less than nothing");
  });
});
