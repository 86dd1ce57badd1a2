import { strict as assert } from "node:assert";
import * as os from "node:os";
import { execa } from "execa";
import { runRecipe } from "../../../automation/baseImage/recipe";

describe("the build of the stand-in base image", () => {
  it("an interrupted step leaves no process behind", async function () {
    this.timeout(30_000);
    if (process.getuid!() !== 0) {
      console.log("      skipped: only root builds, in namespaces of its own");
      return this.skip();
    }
    const controller = new AbortController();
    const seconds = `9${process.pid}`;
    const processes = async () =>
      (await execa("ps", ["-A", "-o", "args="])).stdout.split("\n").includes(`sleep ${seconds}`);
    const script = `sleep ${seconds} & (sleep ${seconds}) & echo begun; wait`;
    const told: string[] = [];
    const work = runRecipe(["sh", "-c", script], {
      cwd: os.tmpdir(),
      env: {},
      tell: (news) => void told.push(news),
      program: "base-image",
      signal: controller.signal,
    });
    while (!(await processes())) await new Promise((resolve) => setTimeout(resolve, 20));
    controller.abort();
    await assert.rejects(work, { code: "ToolchainBuildCancelled" });
    for (let tries = 0; await processes(); tries++) {
      assert.ok(tries < 100, "it still runs");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });
});
