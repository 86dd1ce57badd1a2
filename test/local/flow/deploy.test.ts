import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import * as path from "node:path";
import { sharedLake, type DeployResult, type StatusResult } from "../support/lake";
import type { Workspace } from "../support/workspace";

describe("deploying again", () => {
  let lake: Workspace;

  before(async () => {
    lake = await sharedLake();
  });

  const changes = async () => (await lake.json<DeployResult>(["deploy", "local"])).changes;

  it("changes nothing a second time", async () => {
    const { create, update, delete: deleted, same } = await changes();
    assert.deepEqual({ create, update, deleted }, { create: 0, update: 0, deleted: 0 });
    assert.ok(same > 100, `only ${same} resources are the same`);
  });

  it("changes one function, with its code and its alias, after its handler was edited, and back again", async () => {
    const handler = path.join(lake.root, "functions", "stage-b-check-job", "handler.ts");
    const before = await fs.readFile(handler, "utf8");
    await fs.writeFile(handler, `${before}\nexport const edited = true;\n`);
    const plan = await lake.json<{
      changes: DeployResult["changes"];
      resources?: { name: string; operation: string }[];
    }>(["plan", "local"]);
    assert.equal(plan.changes.update, 3, JSON.stringify(plan));
    const changed = (plan.resources ?? []).map((resource) => resource.name);
    assert.ok(changed.length > 0 && changed.every((name) => name.includes("stage-b-check-job")), changed.join(", "));
    assert.equal((await changes()).update, 3);
    await fs.writeFile(handler, before);
    assert.equal((await changes()).update, 3);
  });

  it("tells its status", async () => {
    const status = await lake.json<StatusResult>(["status", "local"]);
    const environment = status.environments[0]!;
    assert.equal(environment.env, "local");
    assert.ok(environment.resources > 100);
    for (const name of ["rawBucket", "stageBucket", "analyticsBucket"]) {
      assert.match(String(environment.outputs[name]), /^tributary-local-/);
    }
  });

  it("agrees with the bare pulumi command", async () => {
    const result = await lake.shell(
      'eval "$(node bin/tributary.js env local)" && pulumi preview -s local --non-interactive --expect-no-changes',
    );
    assert.equal(result.code, 0, result.stdout + result.stderr);
    assert.match(result.stdout, /unchanged/);
  });

  it("writes nothing outside .tributary", async () => {
    const { stdout } = await lake.shell(
      "git add -A . && git commit -qm all --no-verify; npm --version >/dev/null; git status --porcelain",
    );
    assert.equal(stdout.trim(), "");
    const { stdout: ignored } = await lake.shell("git status --porcelain --ignored | sort");
    assert.deepEqual(ignored.trim().split("\n"), ["!! .tributary/", "!! node_modules/"]);
  });
});
