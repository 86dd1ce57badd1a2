import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import * as path from "node:path";
import { rows, type QueryResult } from "../support/lake";
import { Workspace } from "../support/workspace";

interface DemoResult {
  ok: boolean;
  phases: { name: string; seconds: number }[];
  ingested: number;
  processed: number;
  failed: number;
  query: QueryResult & { sql: string };
}

/** Processes whose command line or working directory lies in a folder (Linux; elsewhere none are found). */
async function processesIn(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await fs.readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name))) {
    const command = await fs.readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    const cwd = await fs.readlink(`/proc/${pid}/cwd`).catch(() => "");
    if (command.includes(folder) || cwd.startsWith(folder)) found.push(`${pid} ${command.replaceAll("\0", " ")}`);
  }
  return found;
}

describe("npm run demo", () => {
  let clone: Workspace;

  before(async () => {
    clone = await Workspace.create("demo");
  });

  after(() => clone.remove());

  it("goes from nothing to a query over Parquet, and again", async () => {
    for (let turn = 0; turn < 2; turn++) {
      const demo = await clone.json<DemoResult>(["demo"]);
      assert.equal(demo.ok, true);
      assert.ok(demo.ingested > 0);
      assert.deepEqual([demo.processed, demo.failed], [demo.ingested, 0]);
      assert.ok(demo.query.rows.length > 0);
      assert.ok(demo.phases.length >= 4 && demo.phases.every((phase) => phase.seconds >= 0));
      assert.deepEqual(await rows(clone, "select count(*) as n from meteorites"), [{ n: 32 }]);
    }
  });

  it("leaves nothing behind after destroy", async () => {
    await clone.json(["destroy", "local"]);
    assert.deepEqual(await fs.readdir(clone.temporary), [], "something is left in the system's temporary folder");
    assert.deepEqual(await processesIn(clone.root), []);
    const { stdout } = await clone.shell("git status --porcelain --ignored | grep '^!!' | sort");
    const ignored = stdout.trim().split("\n");
    assert.deepEqual(
      ignored.filter((line) => line !== "!! .tributary/"),
      ["!! node_modules/"],
    );
    await assert.rejects(fs.access(path.join(clone.root, ".tributary", "state")));
  });

  it("refuses wrong usage with exit code 2 and says what is allowed", async () => {
    for (const args of [
      ["deploy", "nowhere"],
      ["ingest", "local", "engineering/meteorites", "no-such-file.json"],
      ["deploy"],
      ["fly"],
    ]) {
      const result = await clone.tributary(...args);
      assert.equal(result.code, 2, `${args.join(" ")}: ${result.stdout}${result.stderr}`);
      assert.doesNotMatch(result.stderr, /\n\s+at /, "no stack trace");
      assert.ok(result.stderr.trim().length > 0);
    }
  });
});
