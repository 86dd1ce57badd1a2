import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { processesNaming, Roots } from "./support";

const python = path.resolve(__dirname, "../../../automation/local/python");

describe("the installation of the local AWS", () => {
  const roots = new Roots();
  after(() => roots.removeAll());

  it("survives an interruption and two commands at once, and leaves nothing half done", async () => {
    const cache = await roots.create();
    const tools = path.join(cache, "tools/local-aws");
    const start = () =>
      execa(
        process.execPath,
        [
          "-e",
          `require("ts-node/register/transpile-only");
           require(${JSON.stringify(python)}).ensurePython(() => undefined).then((found) => console.log(found.python));`,
        ],
        { env: { TRIBUTARY_CACHE: cache }, reject: false },
      );
    // Moments at which first the venv module and later pip is writing.
    for (const moment of [300, 1000, 4000]) {
      const interrupted = start();
      while (!(await fs.readdir(tools).catch(() => [])).some((name) => name.endsWith(".tmp"))) {
        await sleep(50);
      }
      await sleep(moment);
      interrupted.kill("SIGKILL");
      await interrupted;
      const orphans = async () => (await processesNaming(cache)).length;
      for (let waited = 0; (await orphans()) > 0; waited += 50) {
        assert.ok(waited < 5000, "a process of the killed installation goes on");
        await sleep(50);
      }
    }
    const [one, two] = await Promise.all([start(), start()]);
    assert.equal(one.exitCode, 0, one.stderr);
    assert.equal(one.stdout, two.stdout, `${one.stderr}\n${two.stderr}`);
    assert.ok(one.stdout.startsWith(`${tools}/`), one.stdout);
    await execa(one.stdout, ["-I", "-c", "import ministack.app, duckdb, cryptography"], { cwd: cache });
    assert.deepEqual(await fs.readdir(tools), [path.basename(path.dirname(path.dirname(one.stdout)))]);
  });
});
