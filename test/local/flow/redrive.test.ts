import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import * as path from "node:path";
import { dataset, ingest, lines, meteorite, rows, type DeployResult } from "../support/lake";
import { Workspace } from "../support/workspace";

interface RedriveResult {
  redriven: Record<string, number>;
  remaining: number;
}

describe("redrive after a repair", () => {
  let lake: Workspace;

  before(async () => {
    lake = await Workspace.create("redrive");
    await lake.json<DeployResult>(["deploy", "local"]);
  });

  after(() => lake.remove());

  it("processes what failed, once the dataset's transform is mended", async () => {
    const sql = path.join(lake.root, "datasets", dataset, "transform.sql");
    const good = await fs.readFile(sql, "utf8");
    const broken = good.replace("mass AS mass_g", "CAST(name AS DOUBLE) AS mass_g");
    assert.notEqual(broken, good);
    await fs.writeFile(sql, broken);
    await lake.json(["deploy", "local"]);
    const file = await lake.input("repair.ndjson", lines(meteorite(9401), meteorite(9402)));
    const failed = await ingest(lake, file);
    assert.deepEqual({ processed: failed.processed, failed: failed.failed }, { processed: 0, failed: 1 });

    await fs.writeFile(sql, good);
    const changes = await lake.json<DeployResult>(["deploy", "local"]);
    assert.deepEqual(
      { update: changes.changes.update, create: changes.changes.create, delete: changes.changes.delete },
      { update: 1, create: 0, delete: 0 },
      "only the dataset's item changes",
    );
    const redriven = await lake.json<RedriveResult>(["redrive", "local", dataset, "--wait"]);
    assert.equal(redriven.redriven.b, 1, JSON.stringify(redriven));
    const [count] = await rows(lake, "select count(*) as n from meteorites where id in (9401, 9402)");
    assert.equal(count?.n, 2);
    const again = await lake.json<RedriveResult>(["redrive", "local", dataset, "--wait"]);
    assert.deepEqual(again.redriven, { arrivals: 0, a: 0, b: 0 });
  });

  it("leaves the rows of a repaired file alone when its broken version is redriven", async () => {
    const broken = await ingest(lake, await lake.input("broken.json", '{"name": '));
    assert.equal(broken.failed, 1);
    const mended = await ingest(lake, await lake.input("broken.json", JSON.stringify(meteorite(9501))));
    assert.equal(mended.processed, 1);
    const redriven = await lake.json<RedriveResult>(["redrive", "local", dataset, "--wait"]);
    assert.equal(redriven.redriven.a, 1, JSON.stringify(redriven));
    assert.deepEqual(await rows(lake, "select id from meteorites where id = 9501"), [{ id: 9501 }]);
  });
});
