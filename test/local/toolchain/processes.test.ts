import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { silent } from "../../../automation/events";
import { ensureBuilt } from "../../../automation/toolchain/build";
import { findBuilt, programCache } from "../../../automation/toolchain/cache";
import { compiler, go, removeTemporaryFolders, temporaryFolder, writeProgram } from "../../unit/toolchain/support";

describe("toolchain: builds of several processes", () => {
  afterEach(removeTemporaryFolders);

  it("lets one build while the other waits", async function () {
    this.timeout(30_000);
    const root = await temporaryFolder();
    await writeProgram(root);
    const builders = [builder(root, 1500), builder(root, 1500)];
    const codes = await Promise.all(builders.map(async (child) => (await once(child, "exit"))[0] as number));
    assert.deepEqual(codes, [0, 0]);
    assert.equal(await readFile(path.join(root, "runs"), "utf8"), "run\n");
  });

  it("takes over from a build that was killed with -9", async function () {
    this.timeout(40_000);
    const root = await temporaryFolder();
    const program = await writeProgram(root);
    const victim = builder(root, 60_000);
    while (!(await readFile(path.join(root, "runs"), "utf8").catch(() => ""))) await tick();
    victim.kill("SIGKILL");
    await once(victim, "exit");
    const cache = path.join(root, "cache");
    assert.equal(await findBuilt(program, cache), undefined);
    const { run, commands } = compiler();
    const built = await ensureBuilt(program, silent, { cache, run, go });
    assert.equal(commands.length, 1);
    assert.equal(await readFile(path.join(built.bin, "tool"), "utf8"), "the program");
    assert.deepEqual(await readdir(programCache("tool", cache)), [`${program.key}-go1.99.0`]);
  });
});

const tick = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

/** A process that builds the program of `root`, taking `milliseconds`, and notes in the file `runs` that it did. */
function builder(root: string, milliseconds: number) {
  const script = `
    const { appendFileSync, writeFileSync } = require("node:fs");
    const { ensureBuilt } = require(${JSON.stringify(path.resolve(__dirname, "../../../automation/toolchain/build"))});
    const { readProgram } = require(${JSON.stringify(path.resolve(__dirname, "../../../automation/toolchain/recipe"))});
    const root = ${JSON.stringify(root)};
    const run = async (command, { cwd }) => {
      appendFileSync(root + "/runs", "run\\n");
      await new Promise((resolve) => setTimeout(resolve, ${milliseconds}));
      writeFileSync(cwd + "/bin/tool", "the program");
    };
    readProgram("tool", root)
      .then((program) => ensureBuilt(program, () => undefined, { cache: root + "/cache", run, go: async () => "go1.99.0" }))
      .catch((error) => { console.error(error); process.exitCode = 1; });
  `;
  return spawn(process.execPath, ["-r", "ts-node/register/transpile-only", "-e", script], {
    cwd: path.resolve(__dirname, "../../.."),
    stdio: ["ignore", "inherit", "inherit"],
  });
}
