import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa, type Result } from "execa";
import type { Toolchain } from "../../../automation/toolchain";
import { builtToolchain } from "./support";

const program = `
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
class Greeting extends pulumi.ComponentResource {
  constructor(name: string) {
    super("test:index:Greeting", name);
    this.registerOutputs();
  }
}
export = async () => {
  if (config.get("fail")) throw new TypeError("failed on purpose");
  if (config.get("wait")) await new Promise((resolve) => setTimeout(resolve, 60_000));
  new Greeting(config.require("who"));
  const word = config.requireSecret("word");
  return { greeting: \`hello \${config.require("who")}\`, word, dry: pulumi.runtime.isDryRun(), args: process.argv.length };
};
`;

const policyPack = `
const { PolicyPack } = require("@pulumi/policy");
new PolicyPack("test-pack", {
  policies: [{
    name: "no-rude-names",
    description: "Names are polite.",
    enforcementLevel: "mandatory",
    validateResource: (args, report) => { if (args.name === "rude") report("this name is rude"); },
  }],
});
`;

describe("the bare command with our language host", () => {
  let folder: string;
  let toolchain: Toolchain;

  before(async function () {
    folder = await mkdtemp(path.join(os.tmpdir(), "tributary-bare-cli-"));
    toolchain = await builtToolchain(this, { home: path.join(folder, "home") });
    await mkdir(path.join(folder, "state"));
    await writeFile(path.join(folder, "Pulumi.yaml"), "name: tiny\nruntime: nodejs\n");
    await writeFile(path.join(folder, "package.json"), '{ "name": "tiny", "version": "0.0.1", "main": "index.ts" }');
    await writeFile(path.join(folder, "index.ts"), program);
    await symlink(path.resolve("node_modules"), path.join(folder, "node_modules"));
    await run("stack", "init", "test");
    await run("config", "set", "who", "world");
    await run("config", "set", "--secret", "word", "s3cr3t");
  });

  after(() => rm(folder, { recursive: true, force: true }));

  const environment = (): NodeJS.ProcessEnv => ({
    ...process.env,
    ...toolchain.env,
    PATH: [...toolchain.directories, process.env.PATH].join(path.delimiter),
    PULUMI_BACKEND_URL: `file://${folder}/state`,
    PULUMI_CONFIG_PASSPHRASE: "test",
    PULUMI_NODEJS_TRANSPILE_ONLY: "true",
  });

  const start = (...args: string[]) =>
    execa("pulumi", [...args, "--non-interactive"], {
      cwd: folder,
      env: environment(),
      extendEnv: false,
      reject: false,
      all: true,
    });

  async function run(...args: string[]): Promise<Result & { all: string }> {
    const result = await start(...args);
    assert.equal(result.exitCode, 0, result.all);
    return result as Result & { all: string };
  }

  it("previews and deploys a TypeScript program, with its configuration, secrets and outputs, without a warning", async () => {
    const preview = await run("preview");
    assert.match(preview.all, /\+ 2 to create/);
    const up = await run("up", "--yes", "--skip-preview");
    assert.match(up.all, /\+ 2 created/);
    for (const { all } of [preview, up]) assert.doesNotMatch(all, /warning|s3cr3t/);
    const { stdout } = await run("stack", "output", "--json");
    assert.deepEqual(JSON.parse(String(stdout)), { greeting: "hello world", word: "[secret]", dry: false, args: 2 });
    assert.match((await run("preview", "--expect-no-changes", "--diff")).all, /2 unchanged/);
  });

  it("fails when the program fails, and says why once", async () => {
    await run("config", "set", "fail", "yes");
    const started = performance.now();
    const { exitCode, all = "" } = await start("preview");
    await run("config", "rm", "fail");
    assert.notEqual(exitCode, 0);
    assert.ok(performance.now() - started < 30_000, "the program took too long to fail");
    assert.equal(all.split("failed on purpose").length - 1, 1, all);
  });

  it("fails when the program is not there", async () => {
    await writeFile(path.join(folder, "Pulumi.yaml"), "name: tiny\nruntime: nodejs\nmain: gone.ts\n");
    const { exitCode, all = "" } = await start("preview");
    await writeFile(path.join(folder, "Pulumi.yaml"), "name: tiny\nruntime: nodejs\n");
    assert.notEqual(exitCode, 0);
    assert.match(all, /gone\.ts/);
  });

  it("runs policy packs, and a mandatory violation stops it", async () => {
    const pack = path.join(folder, "pack");
    await mkdir(pack);
    await writeFile(path.join(pack, "PulumiPolicy.yaml"), "runtime: nodejs\nmain: index.js\n");
    await writeFile(path.join(pack, "package.json"), '{ "name": "test-pack", "version": "0.0.1", "main": "index.js" }');
    await writeFile(path.join(pack, "index.js"), policyPack);
    await symlink(path.resolve("node_modules"), path.join(pack, "node_modules"));
    await run("preview", "--policy-pack", pack);
    await run("config", "set", "who", "rude");
    const violation = await start("preview", "--policy-pack", pack);
    await run("config", "set", "who", "world");
    assert.notEqual(violation.exitCode, 0);
    assert.match(violation.all ?? "", /this name is rude/);
  });

  it("tells what the program depends on", async () => {
    assert.match((await run("about")).all, /written in nodejs: executable=/);
  });

  it("leaves no process behind when the engine is killed with -9", async () => {
    await run("config", "set", "wait", "yes");
    const engine = start("preview");
    const [host, child] = await waitFor(async () => {
      const hosts = await pids("pulumi-language-nodejs", engine.pid);
      const children = hosts[0] ? await pids("", hosts[0]) : [];
      return children[0] ? [hosts[0], children[0]] : undefined;
    });
    engine.kill("SIGKILL");
    await engine;
    await waitFor(() => Promise.resolve(!alive(host) && !alive(child) ? true : undefined));
  });
});

/** Process ids of the direct children of a process whose command line holds a text. */
async function pids(text: string, parent = 0): Promise<number[]> {
  const { stdout } = await execa("ps", ["-eo", "pid=,ppid=,args="]);
  return stdout.split("\n").flatMap((line) => {
    const [, pid, ppid, args = ""] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return Number(ppid) === parent && args.includes(text) ? [Number(pid)] : [];
  });
}

function alive(pid = 0): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Asks again until there is an answer, for at most 20 seconds. */
async function waitFor<T>(ask: () => Promise<T | undefined>): Promise<T> {
  const end = Date.now() + 20_000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    assert.ok(Date.now() < end, "nothing happened for 20 s");
    await sleep(100);
  }
}
