import assert from "node:assert/strict";
import { eraseIntermediate } from "../../../automation/lake/erase/intermediate";
import { parseCondition } from "../../../automation/lake/erase/condition";
import { lenient } from "../../../automation/lake/erase/find";
import type { Lake } from "../../../automation/lake/connect";
import { withEngine } from "../../../layer/transform/engine";
import { withWorkspace } from "../../../layer/transform/workspace";
import { FakeLake, record } from "../layer/fakes/lake";
import { outputs } from "./fakes";

const FOLDER = "engineering/meteorites/";

/** What a lake's stage bucket holds below `pre/`. */
const files = (lake: FakeLake) => lake.s3.keys("stage").filter((key) => key.startsWith("pre/"));

async function erase(lake: FakeLake, where: string, dryRun = false) {
  const driver = { outputs, s3: lake.s3 } as unknown as Lake;
  const condition = parseCondition([where], lake.manifest);
  return withWorkspace((directory) =>
    withEngine(directory, (engine) =>
      eraseIntermediate(
        driver,
        { engine, manifest: lenient(lake.manifest), condition },
        { ...{ folder: FOLDER, dryRun, directory }, signal: new AbortController().signal, progress: () => undefined },
      ),
    ),
  );
}

/** A lake whose Stage A is done with objects, and Stage B has not begun. */
async function staged(...ids: number[]): Promise<FakeLake> {
  const lake = new FakeLake();
  for (const id of ids) await lake.arrive(`${FOLDER}${id}`, record(id));
  await lake.route();
  await lake.stageA();
  return lake;
}

describe("erase: Stage A's files", () => {
  it("takes an object out of a file that objects share, and leaves the others where they are", async () => {
    const lake = await staged(1, 2, 3);
    const [file = ""] = files(lake);
    const before = lake.s3.body("stage", file);
    const report = await erase(lake, "id=2");
    assert.deepEqual([report.scanned, report.rows, report.changed], [1, 1, [file]]);
    const after = lake.s3.body("stage", file);
    assert.equal(after.length, before.length);
    assert.ok(!after.toString().includes("Stone 2"));
    await lake.settle();
    assert.deepEqual(
      [1, 2, 3].map((id) => lake.object(`${FOLDER}${id}`)).map(({ status, error }) => error?.code ?? status),
      ["PROCESSED", "StageFileGone", "PROCESSED"],
    );
    assert.equal((await erase(lake, "id=2")).rows, 0);
  });

  it("says what it would do, and does nothing", async () => {
    const lake = await staged(1, 2);
    const [file = ""] = files(lake);
    const before = lake.s3.etag("stage", file);
    assert.equal((await erase(lake, "id=2", true)).rows, 1);
    assert.equal(lake.s3.etag("stage", file), before);
  });

  it("deletes the file of one object", async () => {
    const lake = await staged(1);
    assert.equal((await erase(lake, "id=2")).rows, 0);
    assert.equal(files(lake).length, 1);
    assert.equal((await erase(lake, "id=1")).rows, 1);
    assert.deepEqual(files(lake), []);
  });
});
