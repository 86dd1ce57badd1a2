import { strict as assert } from "node:assert";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { ingest, lines, meteorite, rows, type DeployResult } from "../support/lake";
import { Workspace } from "../support/workspace";

/** Kills the driver with SIGKILL after a while, as a closed laptop or an out-of-memory killer would. */
async function killAfter(workspace: Workspace, milliseconds: number, ...args: string[]): Promise<void> {
  const child = workspace.start(...args);
  const ended = once(child, "exit");
  await sleep(milliseconds);
  child.kill("SIGKILL");
  await ended;
}

/** A moment between the two bounds; printed, so that a failure can be repeated. */
function moment(from: number, to: number): number {
  const chosen = Math.round(from + Math.random() * (to - from));
  console.log(`      killed after ${chosen} ms`);
  return chosen;
}

describe("interrupted runs", () => {
  let lake: Workspace;

  before(async () => {
    lake = await Workspace.create("interrupted");
  });

  after(() => lake.remove());

  it("goes on after the driver was killed while it deployed", async () => {
    for (const [from, to] of [
      [1_000, 8_000],
      [8_000, 25_000],
      [15_000, 45_000],
    ] as const) {
      await killAfter(lake, moment(from, to), "deploy", "local");
    }
    await lake.json<DeployResult>(["deploy", "local"]);
    const { changes } = await lake.json<DeployResult>(["deploy", "local"]);
    assert.deepEqual([changes.create, changes.update, changes.delete], [0, 0, 0]);
  });

  it("gives every object one outcome after the driver was killed while it sent files", async () => {
    const files = await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        lake.input(`killed/k-${index}.ndjson`, lines(meteorite(30_000 + index))),
      ),
    );
    await killAfter(lake, moment(700, 3_000), "ingest", "local", "engineering/meteorites", ...files, "--wait");
    const result = await ingest(lake, ...files);
    assert.deepEqual([result.accepted, result.processed, result.failed], [60, 60, 0]);
    const [count] = await rows(
      lake,
      "select count(*) as n, count(distinct id) as ids from meteorites where id >= 30000",
    );
    assert.deepEqual(count, { n: 60, ids: 60 });
  });

  it("ends cleanly on Ctrl-C, with exit code 130, and goes on", async () => {
    const child = lake.start("deploy", "local");
    const ended = once(child, "exit");
    await sleep(6_000);
    child.kill("SIGINT");
    const [code] = (await ended) as [number | null];
    assert.ok(code === 130 || code === 0, `exit code ${code}`);
    await lake.json<DeployResult>(["deploy", "local"]);
  });

  it("notices that the local AWS was killed, rebuilds it, and the same ingest ends with one outcome each", async () => {
    const { stdout } = await lake.shell("cat .tributary/local/*.json");
    const pid = Number(/"pid":\s*(\d+)/.exec(stdout)?.[1]);
    assert.ok(pid > 1, stdout);
    process.kill(pid, "SIGKILL");
    const query = await lake.tributary("query", "local", "select 1 as one", "--json");
    assert.notEqual(query.code, 0);
    assert.match(query.stdout + query.stderr, /deploy local/);

    const { changes } = await lake.json<DeployResult>(["deploy", "local"]);
    assert.ok(changes.create > 100, JSON.stringify(changes));
    const files = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        lake.input(`killed/k-${index}.ndjson`, lines(meteorite(30_000 + index))),
      ),
    );
    const result = await ingest(lake, ...files);
    assert.deepEqual([result.accepted, result.processed, result.failed], [20, 20, 0]);
    const [count] = await rows(lake, "select count(*) as n from meteorites");
    assert.equal(count?.n, 20);
  });
});
