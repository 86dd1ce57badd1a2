import { strict as assert } from "node:assert";
import { once } from "node:events";
import { promises as fs } from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { GetBucketTaggingCommand, S3Client } from "@aws-sdk/client-s3";
import { findLocalAws, localClientSettings, localHttpsAgent } from "../../../automation/local";
import { openStore } from "../../../automation/backend";
import { lastRecord, type Deployment } from "../../../automation/records";
import type { StackRollback } from "../../../automation/rollback";
import { Workspace } from "../support/workspace";

interface History {
  deployments: Deployment[];
  unreadable: unknown[];
}

interface Rollback {
  ok: boolean;
  stacks: (StackRollback & { differences: { kind: string; name: string; now?: string; then?: string }[] })[];
}

const stacks = ["local", "local.eu-west-1"];

describe("rollback on the local AWS, with the records that it goes by", () => {
  let workspace: Workspace;
  let settings: string;

  const git = async (...args: string[]) => {
    const author = "-c user.name=tests -c user.email=tests@example.com";
    const done = await workspace.shell(`git ${author} ${args.map((each) => `'${each}'`).join(" ")}`);
    assert.equal(done.code, 0, done.stderr);
    return done.stdout.trim();
  };
  const version = (text: string) => fs.writeFile(path.join(workspace.root, "version.txt"), text);
  const setting = (key: string, value: string) => fs.appendFile(settings, `  tributary:${key}: ${value}\n`);
  const deploy = () => workspace.json<{ ok: boolean }>(["deploy", "local"]);
  const history = () => workspace.json<History>(["history", "local"]);

  /** How the buckets of all regions are tagged, asked of S3 itself. */
  async function deployed(): Promise<string[]> {
    const aws = (await findLocalAws(workspace.root))!;
    const agent = await localHttpsAgent(aws);
    const s3 = new S3Client({ ...localClientSettings(aws, agent), forcePathStyle: true, followRegionRedirects: true });
    try {
      return await Promise.all(
        stacks.map(async (stack) => {
          const input = { Bucket: `rolled-${stack.replaceAll(".", "-")}` };
          const { TagSet = [] } = await s3.send(new GetBucketTaggingCommand(input));
          return TagSet.find(({ Key }) => Key === "what")!.Value!;
        }),
      );
    } finally {
      s3.destroy();
      agent.destroy();
    }
  }

  before(async () => {
    workspace = await Workspace.create("rollback");
    settings = path.join(workspace.root, "Pulumi.local.yaml");
    await fs.copyFile(path.join(__dirname, "program.ts"), path.join(workspace.root, "index.ts"));
    await setting("waves", "[[us-east-1, eu-west-1]]");
    await version("one");
    await git("add", "-A");
    await git("commit", "-qm", "one");
    await deploy();
    await version("two");
    await setting("logLevel", "DEBUG");
    await git("commit", "-qam", "two");
    await deploy();
  });
  after(() => workspace.remove());

  it("every deployment of every stack is recorded, newest first, with revision and settings", async () => {
    const { deployments, unreadable } = await history();
    assert.deepEqual(unreadable, []);
    assert.deepEqual(
      deployments.map(({ kind, result }) => `${kind} ${result}`),
      Array(4).fill("deploy succeeded"),
    );
    assert.deepEqual(new Set(deployments.slice(0, 2).map(({ target }) => target.stack)), new Set(stacks));
    const [last, , first] = deployments as [Deployment, Deployment, Deployment];
    assert.equal(last.revision.commit, await git("rev-parse", "HEAD"));
    assert.equal(first.revision.commit, await git("rev-parse", "HEAD~1"));
    assert.deepEqual([last.revision.dirty, first.revision.dirty], [false, false]);
    assert.equal(last.settings["tributary:logLevel"], "DEBUG");
    assert.equal(first.settings["tributary:logLevel"], undefined);
    assert.equal(last.settings["aws:region"], last.target.region);
    assert.notEqual(last.run, first.run);
    assert.equal(deployments[0]!.run, deployments[1]!.run, "the stacks of one command belong together");
    assert.doesNotMatch(JSON.stringify(deployments), /v1:2DDdvm/);
  });

  it("shows first what it would change, and changes nothing for that", async () => {
    const { stacks: planned } = await workspace.json<Rollback>(["rollback", "local", "--show"]);
    assert.deepEqual(
      planned.map(({ stack, differences }) => [stack, differences.map(({ kind, name }) => `${kind} ${name}`)]),
      stacks.map((stack) => [stack, ["program revision", "setting tributary:logLevel"]]),
    );
    assert.deepEqual(await deployed(), ["two DEBUG", "two DEBUG"]);
  });

  it("brings program and settings of the earlier revision back, in all regions, and edits no file", async () => {
    await workspace.json<Rollback>(["rollback", "local"]);
    assert.deepEqual(await deployed(), ["one none", "one none"]);
    assert.equal(await git("status", "--porcelain"), "");
    const { deployments } = await history();
    const done = deployments.slice(0, 2);
    assert.deepEqual(
      done.map(({ kind, result }) => [kind, result]),
      [
        ["rollback", "succeeded"],
        ["rollback", "succeeded"],
      ],
    );
    for (const { target, rollbackTo, revision } of done) {
      const to = deployments.find(({ id }) => id === rollbackTo)!;
      assert.equal(to.target.stack, target.stack);
      assert.deepEqual(revision, to.revision);
    }
  });

  it("goes no further than to the first, and says so", async () => {
    const refused = await workspace.tributary("rollback", "local");
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /NothingToRollBack|nothing to roll back/);
    assert.deepEqual(await deployed(), ["one none", "one none"]);
  });

  it("goes to any record by its id, forward as well", async () => {
    const { deployments } = await history();
    const wanted = deployments.find(
      ({ kind, settings: then }) => kind === "deploy" && then["tributary:logLevel"] === "DEBUG",
    )!;
    await workspace.json<Rollback>(["rollback", "local", "--to", wanted.id]);
    assert.deepEqual(await deployed(), ["two DEBUG", "two DEBUG"]);
    assert.equal((await workspace.tributary("rollback", "local", "--to", "nothing")).code, 2);
  });

  it("what was deployed with changes that no commit holds cannot be brought back, and nothing is touched", async () => {
    await version("dirty");
    await deploy();
    assert.deepEqual(await deployed(), ["dirty DEBUG", "dirty DEBUG"]);
    const dirty = (await history()).deployments[0]!;
    assert.equal(dirty.revision.dirty, true);
    await git("checkout", "-q", "version.txt");
    await workspace.json<Rollback>(["rollback", "local"]);
    assert.deepEqual(await deployed(), ["two DEBUG", "two DEBUG"]);
    const refused = await workspace.tributary("rollback", "local", "--to", dirty.id);
    assert.equal(refused.code, 2, refused.stderr);
    assert.match(refused.stderr, /changes that no commit holds/);
    assert.deepEqual(await deployed(), ["two DEBUG", "two DEBUG"]);
  });

  it("a run shows as running, after kill -9 as interrupted, and the next one goes on", async () => {
    await version("three");
    const killed = workspace.start("deploy", "local");
    const ended = once(killed, "exit");
    // Read directly: the command would take longer than the deployment.
    const files = openStore(workspace.root, { backend: `file://${workspace.root}/.tributary/state` });
    const newest = async () => (await lastRecord(files, "tributary", "local"))!;
    while ((await newest()).result !== "running") {
      assert.equal(killed.exitCode, null, "it ended without having shown as running");
      await sleep(50);
    }
    killed.kill("SIGKILL");
    await ended;
    assert.equal((await newest()).result, "interrupted");
    await deploy();
    assert.deepEqual(await deployed(), ["three DEBUG", "three DEBUG"]);
  });
});
