import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import * as path from "node:path";
import { CreateBucketCommand, DeleteBucketCommand, S3Client } from "@aws-sdk/client-s3";
import {
  findLocalAws,
  LOCAL_ACCOUNTS,
  localAwsAs,
  localClientSettings,
  localHttpsAgent,
} from "../../../automation/local";
import type { Deployment } from "../../../automation/records";
import { listed, recorded } from "../support/inventory";
import { breakStacks, useSmallProgram, writeEnvironment } from "../support/smallProgram";
import { Workspace } from "../support/workspace";

const waves = [["eu-west-1"], ["us-east-1", "us-west-2"], ["ap-south-1"]];
const regions = waves.flat();
/** Environments, each with an account of its own. */
const accounts = { alpha: LOCAL_ACCOUNTS[0]!, beta: LOCAL_ACCOUNTS[1]!, gamma: LOCAL_ACCOUNTS[2]! };
type Env = keyof typeof accounts;

const stacksOf = (env: Env) =>
  regions.map((region, index) => ({ name: index === 0 ? env : `${env}.${region}`, region }));

const uri = (digit: string) => `000000000000.dkr.ecr.eu-west-1.amazonaws.com/images@sha256:${digit.repeat(64)}`;

interface Deployed {
  ok: boolean;
  stacks: { stack: string; status: string; why?: string; error?: { message: string } }[];
  error?: { code: string; message: string };
}

const statuses = ({ stacks }: Deployed) => Object.fromEntries(stacks.map(({ stack, status }) => [stack, status]));

describe("three environments in four regions each", () => {
  let workspace: Workspace;

  const deploy = (env: Env, code = 0) => workspace.json<Deployed>(["deploy", env], code);
  const commit = async (message: string) => {
    const { code, stderr } = await workspace.shell(
      `git add --all && git -c user.name=test -c user.email=test@localhost commit --quiet --message "${message}"`,
    );
    assert.equal(code, 0, stderr);
  };
  const history = async (env: Env) => {
    const { deployments } = await workspace.json<{ deployments: Deployment[] }>(["history", env]);
    return deployments;
  };

  before(async () => {
    workspace = await Workspace.create("fleet");
    await useSmallProgram(workspace);
    await breakStacks(workspace, []);
    for (const [env, account] of Object.entries(accounts)) {
      const images = { routing: uri(env === "alpha" ? "a" : "b") };
      await writeEnvironment(workspace, env, waves, { "tributary:account": account, "tributary:images": images });
    }
    await commit("first");
  });

  after(() => workspace.remove());

  /** The bucket that gamma wants in us-west-2, in another account: names of buckets are global. */
  async function taken(is: boolean): Promise<void> {
    const aws = localAwsAs((await findLocalAws(workspace.root))!, accounts.alpha);
    const agent = await localHttpsAgent(aws);
    const s3 = new S3Client({ ...localClientSettings({ ...aws, region: "us-east-1" }, agent), forcePathStyle: true });
    const bucket = { Bucket: "gamma-us-west-2-bucket" };
    await (is ? s3.send(new CreateBucketCommand(bucket)) : s3.send(new DeleteBucketCommand(bucket)));
    s3.destroy();
    agent.destroy();
  }

  it("are deployed wave by wave, each in its own account", async () => {
    for (const env of ["alpha", "beta"] as const) {
      const result = await deploy(env);
      assert.deepEqual([...new Set(Object.values(statuses(result)))], ["succeeded"]);
      const deployments = await history(env);
      assert.equal(deployments.length, 4);
      for (const later of deployments) {
        for (const earlier of deployments.filter(({ target }) => target.wave < later.target.wave)) {
          assert.ok(earlier.endedAt! <= later.startedAt, `${earlier.target.stack} before ${later.target.stack}`);
        }
      }
      assert.deepEqual(
        deployments.map(({ target }) => [target.stack, target.wave]).sort(),
        [...waves.entries()]
          .flatMap(([wave, of]) => of.map((region) => [region === "eu-west-1" ? env : `${env}.${region}`, wave]))
          .sort(),
      );
      const theirs = await listed(workspace.root, regions, accounts[env]);
      assert.deepEqual(theirs, await recorded(workspace.root, stacksOf(env)));
      assert.ok(
        theirs.every((resource) => resource.split(" ")[2]!.startsWith(env)),
        theirs.join("\n"),
      );
    }
  });

  it("promote the digests that all regions of one run to all regions of the next", async () => {
    await workspace.json(["promote", "alpha", "beta"]);
    await deploy("beta");
    const deployments = (await history("beta")).slice(0, 4);
    assert.deepEqual(
      deployments.map(({ images }) => images),
      Array.from({ length: 4 }, () => ({ routing: uri("a") })),
    );
    const compared = await workspace.json<{ ok?: boolean; functions: { same?: boolean; result?: string }[] }>([
      "images",
      "diff",
      "alpha",
      "beta",
    ]);
    assert.ok(!JSON.stringify(compared).includes('"b"'), JSON.stringify(compared));
  });

  it("stop where one region fails; after the repair only what failed and what was never started runs", async () => {
    await taken(true);
    const failed = await deploy("gamma", 1);
    assert.deepEqual(statuses(failed), {
      gamma: "succeeded",
      "gamma.us-east-1": "succeeded",
      "gamma.us-west-2": "failed",
      "gamma.ap-south-1": "not started",
    });
    assert.match(failed.error!.message, /gamma\.us-west-2/);
    assert.match(failed.error!.message, /bucket/i);

    await taken(false);
    const again = await deploy("gamma");
    assert.deepEqual(statuses(again), {
      gamma: "skipped",
      "gamma.us-east-1": "skipped",
      "gamma.us-west-2": "succeeded",
      "gamma.ap-south-1": "succeeded",
    });
    const mine = await listed(workspace.root, regions, accounts.gamma);
    assert.deepEqual(mine, await recorded(workspace.root, stacksOf("gamma")));
  });

  it("go back to what they were, in all regions, when a release fails in one", async () => {
    await useSmallProgram(workspace, "second");
    await breakStacks(workspace, ["gamma.us-west-2"]);
    await commit("second, which is broken");
    const failed = await deploy("gamma", 1);
    assert.equal(statuses(failed)["gamma.us-west-2"], "failed");
    assert.equal(statuses(failed)["gamma.ap-south-1"], "not started");
    assert.equal(await contentOf("gamma"), "second");

    await workspace.json(["rollback", "gamma"]);
    assert.equal(await contentOf("gamma"), "first");
    const [last] = await history("gamma");
    assert.equal(last!.kind, "rollback");
    const mine = await listed(workspace.root, regions, accounts.gamma);
    assert.deepEqual(mine, await recorded(workspace.root, stacksOf("gamma")));
  });

  it("are repaired, and all regions run the new release", async () => {
    await breakStacks(workspace, []);
    await commit("second, repaired");
    const repaired = await deploy("gamma");
    assert.deepEqual([...new Set(Object.values(statuses(repaired)))], ["succeeded"]);
    assert.equal(await contentOf("gamma"), "second");
    assert.equal(await contentOf("gamma.ap-south-1"), "second");
  });

  it("are destroyed in the reverse order, with nothing left in any account", async () => {
    for (const env of ["alpha", "beta", "gamma"] as const) {
      await workspace.json(["destroy", env, "--yes", env, "--empty"]);
      const ends = (await history(env)).filter(({ kind }) => kind === "destroy");
      for (const later of ends) {
        for (const earlier of ends.filter(({ target }) => target.wave > later.target.wave)) {
          assert.ok(earlier.endedAt! <= later.startedAt, `${earlier.target.stack} before ${later.target.stack}`);
        }
      }
      assert.deepEqual(await listed(workspace.root, regions, accounts[env]), []);
    }
  });

  /** What a stack's objects hold, as its state says. */
  async function contentOf(stack: string): Promise<string> {
    const file = path.join(workspace.root, ".tributary", "state", ".pulumi", "stacks", "tributary", `${stack}.json`);
    const contents = [...(await fs.readFile(file, "utf8")).matchAll(/"content":\s*"([^"]*)"/g)].map(
      ([, text]) => text!,
    );
    return [...new Set(contents)].join(", ");
  }
});
