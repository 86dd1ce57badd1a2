import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { parse } from "yaml";
import { branchDown, branchUp, listBranches, pruneBranches, type BranchTools } from "../../../automation/branches";
import { branchSettings, tagValue } from "../../../automation/branches/settings";
import { describe as describeList } from "../../../automation/commands/branch-list";
import { describe as describePruned } from "../../../automation/commands/branch-prune";
import type { CommandContext } from "../../../automation/commands/context";
import { silent } from "../../../automation/events";
import { parseSettings } from "../../../automation/settings";
import { environmentStacks } from "../../../automation/stacks/environments";

const hour = 3_600_000;

/** Branches, remotes and clouds of the tests. */
class Tools implements BranchTools {
  time = Date.parse("2026-11-21T12:00:00Z");
  here = new Set(["feature/a", "fix"]);
  remote: Map<string, boolean | undefined> = new Map();
  checkedOut: string | undefined = "fix";
  readonly done: string[] = [];
  broken = new Set<string>();
  hasGit = true;

  readonly now = () => new Date(this.time);
  readonly git: BranchTools["git"] = {
    current: async () => this.checkedOut,
    email: async () => "someone@example.com",
    isHere: async (branch) => (this.hasGit ? this.here.has(branch) : undefined),
    isRemote: async (branch) => this.remote.get(branch),
  };
  readonly deploy: BranchTools["deploy"] = async (_, { env }) => this.work("deploy", env);
  readonly destroy: BranchTools["destroy"] = async (_, { env }, options) =>
    this.work(options?.empty ? "destroy all of" : "destroy", env);

  private work(what: string, env: string) {
    this.done.push(`${what} ${env}`);
    const target = { env, region: "eu-west-1", stack: env, wave: 0 };
    const failed = { target, status: "failed" as const, error: new Error(`${env} is stuck`) };
    const ok = !this.broken.has(env);
    return { env, ok, stacks: ok ? [] : [failed], checks: [], seconds: 1 };
  }
}

describe("branch environments", () => {
  let root: string;
  let context: CommandContext;
  let tools: Tools;

  beforeEach(async () => {
    root = await fs.mkdtemp(path.join(os.tmpdir(), "tributary-branches-"));
    await fs.writeFile(path.join(root, "Pulumi.yaml"), "name: tributary\nruntime: nodejs\n");
    const dev = `config:\n  aws:region: eu-west-1\n  tributary:backend: file://${root}/backend\n  tributary:protected: true\n`;
    await fs.writeFile(path.join(root, "Pulumi.dev.yaml"), dev);
    context = {
      root,
      sink: silent,
      signal: new AbortController().signal,
      shield: (work) => work(),
      print: () => undefined,
    };
    tools = new Tools();
  });
  afterEach(() => fs.rm(root, { recursive: true, force: true }));

  const up = (branch?: string, ttl = "3 days") => branchUp(context, { ttl, ...(branch ? { branch } : {}) }, tools);
  const list = () => listBranches(context, {}, tools);
  const settingsOf = async (env: string) => {
    const text = await fs.readFile(path.join(root, ".tributary/branches", env, `Pulumi.${env}.yaml`), "utf8");
    return (parse(text) as { config: Record<string, unknown> }).config;
  };

  it("come up for the branch that is checked out, tagged, with settings that every command finds", async () => {
    const { record, created } = await up();
    assert.deepEqual([record.env, created], ["b-fix", true]);
    assert.deepEqual(tools.done, ["deploy b-fix"]);
    const config = await settingsOf("b-fix");
    const tags = { branch: "fix", owner: "someone@example.com", expires: "2026-11-24" };
    assert.deepEqual(config["tributary:tags"], tags);
    assert.equal(config["tributary:protected"], undefined);
    assert.equal(config["tributary:forceDestroy"], "true");
    const { stacks } = environmentStacks(root, "b-fix");
    assert.deepEqual(
      stacks.map(({ name, region, protected: guarded, backend }) => [name, region, guarded, backend]),
      [["b-fix", "eu-west-1", false, `file://${root}/backend`]],
    );
  });

  it("run the images of a build, where they run images that somebody else builds", async () => {
    const uri = `123456789012.dkr.ecr.eu-west-1.amazonaws.com/lake@sha256:${"a".repeat(64)}`;
    const images = path.join(root, "images.json");
    const built = ["layer", "runtime", "routing"].map((name) => ({ name, uri }));
    await fs.writeFile(images, JSON.stringify({ images: built }));
    await branchUp(context, { ttl: "1 day", images }, tools);
    assert.equal((await settingsOf("b-fix"))["tributary:images"], undefined, "archives have no image");
    const template = path.join(root, "Pulumi.dev.yaml");
    await fs.appendFile(template, "  tributary:packaging: image\n  tributary:images: { stack: images }\n");
    await branchUp(context, { ttl: "1 day", images }, tools);
    assert.deepEqual((await settingsOf("b-fix"))["tributary:images"], { routing: uri });
    await branchUp(context, { ttl: "1 day" }, tools);
    assert.deepEqual((await settingsOf("b-fix"))["tributary:images"], { stack: "images" });
  });

  it("live on when they are brought up again, and nothing changes on the same day", async () => {
    await up();
    const before = await settingsOf("b-fix");
    tools.time += hour;
    const again = await up();
    assert.equal(again.created, false);
    assert.equal(again.record.createdAt, "2026-11-21T12:00:00.000Z");
    assert.equal(again.record.expiresAt, "2026-11-24T13:00:00.000Z");
    assert.deepEqual(await settingsOf("b-fix"), before);
  });

  it("are found from another checkout that shares the backend", async () => {
    await up();
    await fs.rm(path.join(root, ".tributary"), { recursive: true });
    const { branches } = await list();
    assert.deepEqual(
      branches.map(({ env, owner, expired }) => [env, owner, expired]),
      [["b-fix", "someone@example.com", false]],
    );
    assert.equal(environmentStacks(root, "b-fix").env, "b-fix");
  });

  it("are recorded before anything is made, so that a deployment that fails is found", async () => {
    tools.broken.add("b-fix");
    await assert.rejects(up(), /b-fix is stuck/);
    const { branches } = await list();
    assert.deepEqual(branches[0]?.deployed, false);
  });

  it("go down by branch or by name, and leave no record and no settings", async () => {
    await up();
    await up("feature/a");
    const { branches } = await list();
    assert.equal(await branchDown(context, { branch: "fix" }, tools), "b-fix");
    const other = branches.find(({ branch }) => branch === "feature/a")!.env;
    assert.equal(await branchDown(context, { branch: other }, tools), other);
    assert.deepEqual(tools.done.slice(2), ["destroy all of b-fix", `destroy all of ${other}`]);
    assert.deepEqual((await list()).branches, []);
    assert.deepEqual(await fs.readdir(path.join(root, ".tributary/branches")), []);
    await assert.rejects(branchDown(context, { branch: "fix" }, tools), {
      code: "BranchUnknown",
      message: "the branch fix has no environment; there are environments of: none",
    });
  });

  it("keep their record when they could not be removed", async () => {
    await up();
    tools.broken.add("b-fix");
    await assert.rejects(branchDown(context, {}, tools), /b-fix is stuck/);
    assert.equal((await list()).branches.length, 1);
  });

  it("are pruned when they have expired, and the failure of one does not keep the others", async () => {
    await up("fix", "1 hour");
    await up("feature/a", "2 hours");
    assert.deepEqual(await pruneBranches(context, {}, tools), []);
    tools.time += 3 * hour;
    const dry = await pruneBranches(context, { dryRun: true }, tools);
    assert.deepEqual(
      dry.map(({ why, status }) => [why, status]),
      [
        ["expired", "would be removed"],
        ["expired", "would be removed"],
      ],
    );
    tools.broken.add("b-fix");
    const pruned = await pruneBranches(context, {}, tools);
    assert.deepEqual(pruned.map(({ status }) => status).sort(), ["failed", "removed"]);
    assert.deepEqual(
      (await list()).branches.map(({ env }) => env),
      ["b-fix"],
    );
    assert.match(
      describePruned(pruned),
      /^b-fix \(fix\): it has expired; failed\n {2}1 of 1 stacks of b-fix could not be removed:/m,
    );
  });

  it("are pruned when their branch is gone, and only when that is certain", async () => {
    tools.remote.set("feature/a", true);
    await up("feature/a");
    await up("fix");
    const gone = async () => Object.fromEntries((await list()).branches.map(({ branch, gone: is }) => [branch, is]));
    assert.deepEqual(await gone(), { "feature/a": false, fix: false });
    tools.here.clear();
    assert.deepEqual(await gone(), { "feature/a": false, fix: true }, "fix was in this checkout only");
    tools.remote.set("feature/a", undefined);
    assert.equal((await gone())["feature/a"], undefined, "the remote does not answer");
    tools.remote.set("feature/a", false);
    assert.equal((await gone())["feature/a"], true);
    const pruned = await pruneBranches(context, {}, tools);
    assert.deepEqual(pruned.map(({ branch, why, status }) => [branch, why, status]).sort(), [
      ["feature/a", "gone", "removed"],
      ["fix", "gone", "removed"],
    ]);
  });

  it("are left alone where there is no git that could tell", async () => {
    await up();
    tools.here.clear();
    tools.hasGit = false;
    assert.deepEqual(await pruneBranches(context, {}, tools), []);
  });

  it("of a branch that somebody else never pushed are left alone until they expire", async () => {
    await up();
    const file = path.join(root, "backend/.tributary/branches/tributary/b-fix.json");
    const record = JSON.parse(await fs.readFile(file, "utf8")) as object;
    await fs.writeFile(file, JSON.stringify({ ...record, checkout: "another" }));
    tools.here.clear();
    tools.remote.set("fix", false);
    assert.deepEqual(await pruneBranches(context, {}, tools), []);
  });

  it("that are left over without a record, or with a damaged one, are named and can be removed", async () => {
    const states = path.join(root, "backend/.pulumi/stacks/tributary");
    await fs.mkdir(states, { recursive: true });
    for (const file of ["b-lost.json", "b-lost.json.bak", "b-lost.us-east-1.json", "dev.json"])
      await fs.writeFile(path.join(states, file), "{}");
    const records = path.join(root, "backend/.tributary/branches/tributary");
    await fs.mkdir(records, { recursive: true });
    await fs.writeFile(path.join(records, "b-torn.json"), '{"format": 1,');
    const found = await list();
    assert.deepEqual([found.unknown, found.damaged], [["b-lost"], ["b-torn"]]);
    assert.match(describeList(found, tools.now()), /^b-lost has a state, and nobody recorded whose it is/m);
    assert.equal(await branchDown(context, { branch: "b-lost" }, tools), "b-lost");
    assert.deepEqual(tools.done, ["destroy all of b-lost"]);
    const { record } = await up("torn");
    assert.equal(record.env, "b-torn");
    assert.deepEqual((await list()).damaged, []);
  });

  it("refuse lifetimes, branches and templates that cannot be", async () => {
    for (const ttl of ["31 days", "1 minute", "forever", "1.5 days"])
      await assert.rejects(up("fix", ttl), { code: "InvalidDuration", exitCode: 2 });
    await assert.rejects(up("--exec"), { code: "BranchInvalid" });
    tools.checkedOut = undefined;
    await assert.rejects(up(), { code: "BranchMissing" });
    for (const template of ["nowhere", "images", "../dev"])
      await assert.rejects(branchUp(context, { branch: "fix", ttl: "1 day", template }, tools), {
        code: "TemplateMissing",
      });
    assert.deepEqual(tools.done, []);
  });

  it("never take each other's place", async () => {
    await up("fix");
    const file = path.join(root, "backend/.tributary/branches/tributary/b-fix.json");
    const record = JSON.parse(await fs.readFile(file, "utf8")) as object;
    await fs.writeFile(file, JSON.stringify({ ...record, branch: "another" }));
    await assert.rejects(up("fix"), {
      code: "BranchTaken",
      message: /environment of the branch another, made by some/,
    });
  });
});

describe("settings of a branch environment", () => {
  const template = {
    made: false,
    local: false,
    region: "eu-west-1",
    backend: "s3://states",
    tags: { branch: "fix" },
    template: `secretsprovider: awskms://alias/x
config:
  aws:region: eu-west-1
  tributary:waves: [[eu-west-1], [us-east-1]]
  tributary:approval: always
  tributary:protected: true
  tributary:gates: { policyPack: rules, cost: { increase: 5 } }
  tributary:tags: { team: orders }
  tributary:retention: { logs: 365 days, intermediate: 40 days }
  tributary:deletionProtection: "true"
  tributary:tracing: "true"
`,
  };
  const configOf = (text: string) => (parse(text) as { config: Record<string, unknown> }).config;

  it("are the template's, in one region, cheap, removable and without gates", () => {
    const text = branchSettings(template);
    assert.match(text, /^secretsprovider: /);
    const config = configOf(text);
    assert.deepEqual(config, {
      "aws:region": "eu-west-1",
      "tributary:tags": { team: "orders", branch: "fix" },
      "tributary:retention": { logs: "7 days", intermediate: "40 days" },
      "tributary:deletionProtection": "false",
      "tributary:tracing": "false",
      "tributary:pointInTimeRecovery": "false",
      "tributary:keyDeletionWindow": "7 days",
      "tributary:forceDestroy": "true",
      "tributary:backend": "s3://states",
      "tributary:approval": "never",
      "tributary:gates": { policyPack: "rules", stateful: "off" },
    });
    const values = Object.entries(config).map(([key, value]) => [
      key,
      typeof value === "string" ? value : JSON.stringify(value),
    ]);
    const settings = parseSettings({ project: "tributary", stack: "b-fix", values: Object.fromEntries(values) });
    assert.equal(settings.forceDestroy, true);
  });

  it("stay as expensive as a template says that is made for branches, but removable", () => {
    const config = configOf(branchSettings({ ...template, made: true }));
    assert.equal(config["tributary:tracing"], "true");
    assert.equal(config["tributary:approval"], "always");
    assert.equal(config["tributary:protected"], undefined);
    assert.equal(config["tributary:deletionProtection"], "false");
  });

  it("take any branch's and owner's name as the value of a tag", () => {
    assert.equal(tagValue("feature/Größe ∞ <x>"), "feature/Größe _ _x_");
    assert.equal(tagValue("a".repeat(500)).length, 120);
    assert.equal(tagValue("\u0000\n"), "__");
  });
});
