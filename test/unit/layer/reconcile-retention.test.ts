import assert from "node:assert/strict";
import { left } from "../../../layer/reconcile/types";
import { compare, KEY, processed } from "./support/reconcile";

describe("layer: reconcile and retention", () => {
  /** What a lifecycle rule does with an object that is too old, and with what was made of it. */
  async function expired(days: number) {
    const lake = await processed("old.json", "new.json");
    lake.manifest = { ...lake.manifest, retention: "30 days" };
    lake.deployDataset();
    const old = lake.object(`${KEY}old.json`);
    const receivedAt = new Date(Date.now() - days * 86_400_000).toISOString();
    lake.dynamodb.put("objects", { ...old, receivedAt });
    for (const file of old.postFiles ?? []) lake.s3.remove("stage", file);
    lake.s3.remove("raw", old.key);
    return lake;
  }

  for (const rowsSince of [0, null]) {
    it(`tells what is older as expired, and mends nothing of it (rows ${rowsSince === 0 ? "" : "not "}counted)`, async () => {
      await expired(31);
      const { differences, notes, mended, ...found } = await compare({ mend: true, rowsSince });
      assert.deepEqual([left({ differences, mended }), notes.expired, found.found], [0, 1, []]);
      assert.deepEqual(mended, { sent: 0, deleted: 0 });
    });
  }

  it("still tells what is missing of what is not that old", async () => {
    await expired(29);
    const { differences, notes } = await compare();
    assert.deepEqual([differences.missing, notes.expired], [1, 0]);
  });

  it("tells a missing file once, also where the rows of some files are counted", async () => {
    const lake = await processed("a.json", "b.json");
    lake.s3.remove("stage", lake.files()[0] as string);
    const { differences } = await compare({ rowsSince: 1 });
    assert.equal(differences.missing, 1);
  });
});
