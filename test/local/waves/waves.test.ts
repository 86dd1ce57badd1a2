import { strict as assert } from "node:assert";
import { once } from "node:events";
import { promises as fs } from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DynamoDBClient, ListTablesCommand } from "@aws-sdk/client-dynamodb";
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { findLocalAws, localAwsAs, localClientSettings, localHttpsAgent } from "../../../automation/local";
import type { Workspace } from "../support/workspace";
import { recordsOf, smallCheckout, writeSettings, type EnvironmentDocument } from "./support";

const waves = [["eu-west-1"], ["us-east-1", "us-west-2"]];
const stacks = ["shop", "shop.us-east-1", "shop.us-west-2"];

const statuses = (document: EnvironmentDocument) => document.stacks.map(({ status }) => status);

describe("an environment of several regions", () => {
  let checkout: Workspace;

  before(async () => {
    checkout = await smallCheckout("waves");
    await writeSettings(checkout, "shop", { "tributary:target": "local", "tributary:waves": waves });
  });

  after(() => checkout.remove());

  const deploy = (env: string, code = 0, ...flags: string[]) =>
    checkout.json<EnvironmentDocument>(["deploy", env, ...flags], code);
  const failIn = (env: string, region: string) =>
    writeSettings(checkout, `${env}.${region}`, { "tributary:fail": region });
  const settled = (env: string, region: string) =>
    fs.rm(path.join(checkout.root, `Pulumi.${env}.${region}.yaml`), { force: true });

  /** Names of the tables that an account has in a region of the local AWS: the truth, not what a state says. */
  async function tablesIn(region: string, account?: string): Promise<string[]> {
    const aws = localAwsAs((await findLocalAws(checkout.root))!, account);
    const agent = await localHttpsAgent(aws);
    const client = new DynamoDBClient({ ...localClientSettings(aws, agent), region });
    try {
      return (await client.send(new ListTablesCommand({}))).TableNames ?? [];
    } finally {
      client.destroy();
      agent.destroy();
    }
  }

  it("stops at the first wave in which a region fails, and says why", async () => {
    await failIn("shop", "us-east-1");
    await writeSettings(checkout, "shop", {
      "tributary:target": "local",
      "tributary:waves": [...waves, ["eu-central-1"]],
    });
    const document = await deploy("shop", 1);
    assert.deepEqual(statuses(document), ["succeeded", "failed", "succeeded", "not started"]);
    assert.equal(document.error?.code, "DeploymentFailed");
    const lines = document.error!.message.split("\n");
    assert.match(lines[1]!, /^ {2}refused \(aws:lambda\/alias:Alias\): .*ResourceNotFoundException/);
    assert.match(lines[2]!, /in shop\.us-east-1$/);
    const log = /log of shop\.us-east-1: (.*)$/m.exec(document.error!.message)![1]!;
    assert.match(await fs.readFile(log, "utf8"), /ResourceNotFoundException/);
    assert.deepEqual(await tablesIn("us-west-2"), ["tributary-shop-things"], "the neighbour came to its end");
    assert.deepEqual(await tablesIn("eu-central-1"), []);
    await writeSettings(checkout, "shop", { "tributary:target": "local", "tributary:waves": waves });
  });

  it("does only what failed and was never begun in the next run", async () => {
    // The settings changed: the number of regions. Everything is looked at again, and then nothing fails but the one region.
    assert.deepEqual(statuses(await deploy("shop", 1)), ["succeeded", "failed", "succeeded"]);
    await settled("shop", "us-east-1");
    const resumed = await deploy("shop");
    assert.deepEqual(statuses(resumed), ["skipped", "succeeded", "skipped"]);
    assert.match(resumed.stacks[0]!.why!, /did not come to its end/);
    assert.deepEqual(statuses(await deploy("shop")), ["succeeded", "succeeded", "succeeded"], "all is well: all again");
  });

  it("kept the order of its waves in every run, as its records tell", async () => {
    const records = await recordsOf(checkout, ...stacks);
    const runs = [...new Set(records.flatMap(({ run }) => run ?? []))];
    assert.equal(runs.length, 4);
    const first = records.filter(({ kind }) => kind === "deploy");
    for (const run of runs) {
      const begun = first.filter((record) => record.run === run);
      const waveOf = begun.map(({ target }) => target!.wave);
      assert.deepEqual(waveOf, [...waveOf].sort(), `waves of ${run}`);
    }
    const ends = records.filter(({ event }) => event === "end").map(({ stack, result }) => `${stack} ${result}`);
    assert.equal(ends.filter((end) => end === "shop.us-east-1 failed").length, 2);
    const [one, two] = [
      records.findIndex(({ event }) => event === "end"),
      records.findIndex((r) => r.target?.wave === 1),
    ];
    assert.ok(one < two, "the second wave began when the first had ended");
  });

  it("shows its regions as a matrix, and reads no engine for it", async () => {
    const { stdout } = await checkout.tributary("status");
    assert.match(stdout, /│ shop +│.*deployed \(2\).*deployed \(2\).*deployed \(2\)/);
    const { environments } = await checkout.json<{ environments: { stack: string; status: string }[] }>([
      "status",
      "shop",
    ]);
    assert.deepEqual(
      environments.map(({ stack, status }) => `${stack} ${status}`),
      stacks.map((name) => `${name} deployed`),
    );
  });

  it("ends all its engines on a Ctrl-C, and goes on", async () => {
    await writeSettings(checkout, "shop", {
      "tributary:target": "local",
      "tributary:waves": [waves.flat()],
      "tributary:days": 14,
    });
    const child = checkout.start("deploy", "shop");
    const ended = once(child, "exit") as Promise<[number]>;
    let said = "";
    child.stderr!.on("data", (chunk) => (said += chunk));
    while ((said.match(/Deploy shop\S* …/g) ?? []).length < 2 && child.exitCode === null) await sleep(50);
    child.kill("SIGINT");
    const [code] = await ended;
    assert.equal(code, 130, said);
    const document = await deploy("shop");
    assert.ok(document.ok);
    const { stdout } = await checkout.shell(
      "ls .tributary/state/.pulumi/locks/organization/tributary/* 2>/dev/null | grep json; true",
    );
    assert.equal(stdout, "", "no lock is left");
  });

  it("keeps to its account, and stops before anything where it is another one", async () => {
    const config = { "tributary:target": "local", "aws:region": "eu-west-1" };
    await writeSettings(checkout, "other", { ...config, "tributary:account": "111111111111" });
    await deploy("other");
    assert.deepEqual(await tablesIn("eu-west-1", "111111111111"), ["tributary-other-things"]);
    assert.deepEqual(await tablesIn("eu-west-1"), ["tributary-shop-things"]);
    await writeSettings(checkout, "wrong", { ...config, "tributary:account": "999999999999" });
    const { error } = await deploy("wrong", 2);
    assert.equal(error?.code, "LocalAccountUnknown");
  });

  it("on AWS is left alone with credentials of another account, which the local AWS plays here", async () => {
    await writeSettings(checkout, "cloud", {
      "tributary:waves": [["eu-west-1"], ["us-west-2"]],
      "tributary:account": "123456789012",
      "tributary:backend": `file://${checkout.root}/.tributary/cloud`,
    });
    const { code, stdout } = await checkout.shell(
      'eval "$(node bin/tributary.js env local)"; node bin/tributary.js deploy cloud --json',
    );
    assert.equal(code, 2);
    const { error } = JSON.parse(stdout) as EnvironmentDocument;
    assert.equal(error?.code, "WrongAccount");
    assert.match(error!.message, /cloud: .*says 123456789012, the credentials are of 000000000000/);
    assert.match(error!.message, /cloud\.us-west-2: /);
    await assert.rejects(fs.access(path.join(checkout.root, ".tributary/cloud/.pulumi")), "nothing was touched");
  });

  it("goes back to what it was where its settings say so, and only the wave that failed", async () => {
    const config = { "tributary:target": "local", "tributary:waves": waves, "tributary:onFailure": "rollback" };
    await writeSettings(checkout, "shop", config);
    assert.ok((await deploy("shop", 0, "--all")).ok);
    await writeSettings(checkout, "shop", { ...config, "tributary:days": 30, "tributary:fail": "us-west-2" });
    const document = await deploy("shop", 1);
    assert.deepEqual(statuses(document), ["succeeded", "succeeded", "failed"]);
    const back = document.rolledBack!.map(({ stack, status }) => `${stack} ${status}`);
    assert.deepEqual(back, ["shop.us-east-1 succeeded", "shop.us-west-2 succeeded"]);
    const [east] = document.rolledBack!;
    assert.equal(east!.changes!.update, 1, "the retention of its log group went back");
    await writeSettings(checkout, "shop", config);
  });

  it("is removed in the opposite order, and a bucket that is not empty only when a person says so", async () => {
    await writeSettings(checkout, "shop", {
      "tributary:target": "local",
      "tributary:waves": waves,
      "tributary:bucket": "yes",
    });
    await deploy("shop");
    const aws = (await findLocalAws(checkout.root))!;
    const agent = await localHttpsAgent(aws);
    const s3 = new S3Client({ ...localClientSettings(aws, agent), region: "us-east-1", forcePathStyle: true });
    const Bucket = "tributary-shop-000000000000-us-east-1";
    await s3.send(new PutObjectCommand({ Bucket, Key: "a", Body: "a" }));
    s3.destroy();
    agent.destroy();
    const unnamed = await checkout.json<EnvironmentDocument>(["destroy", "shop"], 2);
    assert.equal(unnamed.error?.code, "NotConfirmed");
    const refused = await checkout.json<EnvironmentDocument>(["destroy", "shop", "--yes", "shop"], 2);
    assert.equal(refused.error?.code, "BucketNotEmpty");
    assert.deepEqual(
      statuses(refused),
      ["not started", "failed", "succeeded"],
      "the first wave stays until the second is gone",
    );
    const done = await checkout.json<EnvironmentDocument>(["destroy", "shop", "--yes", "shop", "--empty"]);
    assert.ok(done.ok);
    for (const region of waves.flat()) assert.deepEqual(await tablesIn(region), [], region);
    const records = (await recordsOf(checkout, ...stacks)).filter(({ kind }) => kind === "destroy");
    assert.equal(records.at(-1)!.stack, "shop", "the first wave was last");
  });
});
