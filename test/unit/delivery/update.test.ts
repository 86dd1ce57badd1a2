import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import fc from "fast-check";
import { execa } from "execa";
import { run as runTag } from "../../../automation/commands/pipeline-tag";
import type { CommandContext } from "../../../automation/commands/context";
import type { TributaryError } from "../../../automation/errors";
import { readDelivery } from "../../../automation/pipeline/model";
import {
  branchPatterns,
  openBranches,
  remoteHeads,
  restart,
  structureChanged,
  writeOpenBranches,
  type RestartClient,
  type RunningExecution,
} from "../../../automation/pipeline/update";
import { outsideRegion } from "../../../automation/waves/region";
import type { EnvironmentStacks } from "../../../automation/stacks/environments";
import { everything } from "./support/delivery";

const running: RunningExecution = {
  pipeline: "tributary-delivery-lake",
  execution: "e1",
  commit: "c1",
  restartedFrom: undefined,
};

/** Notes what CodePipeline is asked. */
function fake(): { client: RestartClient; calls: string[] } {
  const calls: string[] = [];
  const client: RestartClient = {
    start: async ({ execution, commit }) => (calls.push(`start ${commit} for ${execution}`), "e2"),
    stop: async ({ execution }, reason) => void calls.push(`stop ${execution}: ${reason.length <= 200}`),
  };
  return { client, calls };
}

describe("a pipeline that updates itself", () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(path.join(tmpdir(), "tributary-update-"))));
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("starts its execution again from the same commit when its structure changed, and stops the old one", async () => {
    const { client, calls } = fake();
    assert.equal(await restart(client, running), "e2");
    assert.deepEqual(calls, ["start c1 for e1", "stop e1: true"]);
  });

  it("does so once: the second time is an error, and nothing is started", async () => {
    const { client, calls } = fake();
    const again = restart(client, { ...running, restartedFrom: "e0" });
    await assert.rejects(again, (error: TributaryError) => error.code === "PipelineUnsettled" && error.exitCode === 1);
    assert.deepEqual(calls, []);
  });

  it("no change, another pipeline's change and a new buildspec need no restart", () => {
    const type = "aws:codepipeline/pipeline:Pipeline";
    const own = { type, name: "delivery-lake-pipeline" };
    const cases: [{ type: string; name: string; operation: string }[], boolean][] = [
      [[], false],
      [[{ ...own, operation: "same" }], false],
      [[{ ...own, operation: "update" }], true],
      [[{ type, name: "delivery-lake-layer-pipeline", operation: "update" }], false],
      [[{ type: "aws:codebuild/project:Project", name: "delivery-lake-test-project", operation: "update" }], false],
    ];
    for (const [resources, expected] of cases) assert.equal(structureChanged(resources, "lake"), expected);
  });

  it("branches come and go with those of the repository", async () => {
    assert.deepEqual(branchPatterns(readDelivery(everything)), { lake: ["feature/**"] });
    const heads = ["main", "feature/a", "feature/deep/b", "feature/$(id)", "other"];
    assert.deepEqual(openBranches(heads, ["feature/**"]), {
      branches: ["feature/a", "feature/deep/b"],
      refused: ["feature/$(id)"],
    });
    const file = path.join(folder, "Pulumi.delivery.yaml");
    await writeFile(file, `# kept\n${everything.trim()}\n`);
    assert.equal(await writeOpenBranches(folder, { lake: ["feature/a"] }), true);
    const text = await readFile(file, "utf8");
    assert.ok(text.startsWith("# kept\n"));
    assert.deepEqual(readDelivery(text).openBranches, { lake: ["feature/a"] });
    assert.equal(await writeOpenBranches(folder, { lake: ["feature/a"] }), false);
    await writeOpenBranches(folder, { lake: [] });
    assert.deepEqual(readDelivery(await readFile(file, "utf8")).openBranches, { lake: [] });
  });

  it("at most fifty of them, whatever their names, and none that means something in a pattern", () => {
    const heads = fc.array(fc.oneof(fc.string({ unit: "grapheme" }), fc.stringMatching(/^feature\/.{1,12}$/)), {
      maxLength: 80,
    });
    fc.assert(
      fc.property(heads, (all) => {
        const { branches } = openBranches(all, ["feature/**"]);
        assert.ok(branches.length <= 50);
        for (const branch of branches) assert.match(branch, /^feature\/[\w./+@-]+$/);
      }),
    );
  });

  it("a remote that is not there is told as such", async () => {
    await execa("git", ["init", "-q", folder]);
    await assert.rejects(remoteHeads(folder), (error: TributaryError) => error.code === "RemoteUnreachable");
  });

  it("finds the release tag of the commit in a real repository", async () => {
    const git = (...args: string[]) =>
      execa("git", ["-C", folder, "-c", "user.name=t", "-c", "user.email=t@example.com", ...args]);
    await git("init", "-q");
    await git("commit", "-q", "--allow-empty", "-m", "one");
    await git("tag", "prod_eu-west-1/lake/1.0.0");
    await git("tag", "v1");
    const variables = path.join(folder, "tag.env");
    const context = { root: folder } as CommandContext;
    const { document } = await runTag(context, { env: "prod", team: "lake", tag: "none", variables });
    assert.deepEqual(document, {
      ok: true,
      tag: "prod_eu-west-1/lake/1.0.0",
      env: "prod",
      team: "lake",
      region: "eu-west-1",
      version: "1.0.0",
    });
    const { stdout } = await execa("bash", ["-c", '. "$1"; echo "$REGION_FLAGS|$VERSION"', "bash", variables]);
    assert.equal(stdout, "--region eu-west-1|1.0.0");
    await assert.rejects(
      runTag(context, { env: "prod", team: "lake", tag: "prod_global/lake/9" }),
      (error: TributaryError) => error.code === "ReleaseTagMissing",
    );
  });

  it("a region is the only one that is done, and one that is not there is refused", () => {
    const environment = {
      env: "prod",
      stacks: [
        { name: "prod", region: "eu-west-1" },
        { name: "prod.us-east-1", region: "us-east-1" },
      ],
    } as unknown as EnvironmentStacks;
    assert.deepEqual([...outsideRegion(environment, undefined)], []);
    assert.deepEqual([...outsideRegion(environment, "us-east-1").keys()], ["prod"]);
    assert.throws(
      () => outsideRegion(environment, "mars-1"),
      (error: TributaryError) => error.code === "RegionUnknown",
    );
  });
});
