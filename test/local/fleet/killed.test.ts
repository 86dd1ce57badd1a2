import { strict as assert } from "node:assert";
import { once } from "node:events";
import { promises as fs } from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { listed, recorded } from "../support/inventory";
import type { DeployResult } from "../support/lake";
import { useSmallProgram, writeEnvironment } from "../support/smallProgram";
import { Workspace } from "../support/workspace";

const waves = [["eu-west-1"], ["us-east-1", "us-west-2"], ["ap-south-1"]];
const regions = waves.flat();
const stacks = regions.map((region, index) => ({ name: index === 0 ? "killed" : `killed.${region}`, region }));

/** Moments at which something is killed; after every fifth a run has to come to its end. */
const moments = 30;
const between = 5;

/** Process ids of the engines that run now, as the driver wrote them down. */
async function engines(root: string): Promise<number[]> {
  const files = stacks.map(({ name }) => path.join(root, ".tributary", "engine", name, "engine.json"));
  const texts = await Promise.all(files.map((file) => fs.readFile(file, "utf8").catch(() => "{}")));
  return texts.flatMap((text) => {
    const pid = Number(/"pid":\s*(\d+)/.exec(text)?.[1]);
    return pid > 1 ? [pid] : [];
  });
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    // It ended by itself a moment ago.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

describe("kill -9 at 30 random moments of deployments over four regions", () => {
  let workspace: Workspace;

  before(async () => {
    workspace = await Workspace.create("killed");
    await useSmallProgram(workspace);
    await writeEnvironment(workspace, "killed", waves);
  });

  after(() => workspace.remove());

  /** Runs a command and kills its driver, or one of its engines, after a while. */
  async function killedAfter(milliseconds: number, victim: "driver" | "engine", args: string[]): Promise<void> {
    const child = workspace.start(...args);
    const ended = once(child, "exit");
    child.stdout?.resume();
    child.stderr?.resume();
    await Promise.race([sleep(milliseconds), ended]);
    const [engine] = victim === "engine" ? await engines(workspace.root) : [];
    if (engine !== undefined) kill(engine);
    else child.kill("SIGKILL");
    // A driver that lost an engine ends by itself.
    await ended;
  }

  it("leaves no stack locked and no resource that the state does not know; every later run ends well", async () => {
    for (let moment = 0; moment < moments; moment++) {
      const victim = moment % 2 === 0 ? ("driver" as const) : ("engine" as const);
      const args = moment % 7 === 6 ? ["destroy", "killed", "--yes", "killed", "--empty"] : ["deploy", "killed"];
      // Every deployment has something to change.
      await useSmallProgram(workspace, `content ${moment}`);
      const milliseconds = Math.round(500 + Math.random() * 7_000);
      console.log(`      ${moment + 1}: ${args[0]}, ${victim} killed after ${milliseconds} ms`);
      await killedAfter(milliseconds, victim, args);
      if ((moment + 1) % between !== 0) continue;
      await workspace.json<DeployResult>(["deploy", "killed"]);
      assert.deepEqual(await listed(workspace.root, regions), await recorded(workspace.root, stacks));
    }
    const { changes } = await workspace.json<DeployResult>(["deploy", "killed"]);
    assert.deepEqual([changes.create, changes.update, changes.delete], [0, 0, 0]);
  });

  it("and is destroyed, with nothing left", async () => {
    await workspace.json(["destroy", "killed", "--yes", "killed", "--empty"]);
    assert.deepEqual(await listed(workspace.root, regions), []);
    assert.deepEqual(await recorded(workspace.root, stacks), []);
  });
});
