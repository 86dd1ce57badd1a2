import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { Roots } from "./support";

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
    const interrupted = start();
    while (!(await fs.readdir(tools).catch(() => [])).some((name) => name.endsWith(".tmp"))) {
      await sleep(50);
    }
    await sleep(1000);
    interrupted.kill("SIGKILL");
    await interrupted;
    const [one, two] = await Promise.all([start(), start()]);
    assert.equal(one.stdout, two.stdout, `${one.stderr}\n${two.stderr}`);
    assert.ok(one.stdout.startsWith(`${tools}/`), one.stdout);
    await execa(one.stdout, ["-I", "-c", "import ministack.app, duckdb, cryptography"], { cwd: cache });
    assert.deepEqual(await fs.readdir(tools), [path.basename(path.dirname(path.dirname(one.stdout)))]);
  });
});
