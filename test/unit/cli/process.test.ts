import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import * as path from "node:path";

const root = path.resolve(__dirname, "../../..");
const bootstrap = createRequire(__filename)(path.join(root, "bin/bootstrap.js")) as {
  matches(asked: Packages, there: Packages): boolean;
};

type Packages = Record<string, { version?: string; optional?: boolean; link?: boolean }>;

/** Runs a program of bin/ to its end. */
function run(
  program: string,
  args: string[],
  closeStdout = false,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const env = { ...process.env, CI: "true" };
  const child = spawn(process.execPath, [path.join(root, "bin", program), ...args], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (data) => (stdout += String(data)));
  child.stderr.on("data", (data) => (stderr += String(data)));
  if (closeStdout) child.stdout.destroy();
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, stdout, stderr })));
}

describe("the program tributary", function () {
  this.timeout(30_000);

  it("ends with 2 on wrong usage, and with --json prints exactly one document", async () => {
    const { code, stdout, stderr } = await run("tributary.js", ["deploy", "nowhere", "--json"]);
    assert.equal(code, 2);
    const document = JSON.parse(stdout) as { ok: boolean; error: { code: string; next: string } };
    assert.deepEqual([document.ok, document.error.code], [false, "UnknownEnvironment"]);
    assert.match(stderr, /nowhere/);
    assert.doesNotMatch(stderr, /\n\s+at /);
  });

  it("helps with exit code 0, in less than three seconds even on a busy machine", async () => {
    const started = performance.now();
    const { code, stdout, stderr } = await run("tributary.js", ["--help"]);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /deploy \[options\] <env>/);
    assert.ok(performance.now() - started < 3_000, `${performance.now() - started} ms`);
  });

  it("does not fail when the reader of its output goes", async () => {
    const { code, stderr } = await run("tributary.js", ["--markdown"], true);
    assert.deepEqual([code, stderr], [0, ""]);
  });
});

describe("the first command in a clone", () => {
  const lock: Packages = {
    "": {},
    "node_modules/a": { version: "1.0.0" },
    "node_modules/b": { version: "2.0.0", optional: true },
    "node_modules/layer": { link: true },
    layer: { version: "0.1.0" },
  };

  it("takes modules that were installed by hand when they are those of the lock file", () => {
    assert.ok(bootstrap.matches(lock, { "node_modules/a": { version: "1.0.0" } }));
  });

  it("installs when one is missing or of another version", () => {
    assert.ok(!bootstrap.matches(lock, {}));
    assert.ok(!bootstrap.matches(lock, { "node_modules/a": { version: "1.0.1" } }));
  });

  it("refuses what it does not know", async () => {
    const { code, stderr } = await run("bootstrap.js", ["fly"]);
    assert.equal(code, 2);
    assert.match(stderr, /demo\|test\|bench/);
  }).timeout(10_000);
});
