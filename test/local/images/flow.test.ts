import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { promises as fs } from "node:fs";
import * as path from "node:path";
import { GetFunctionCommand } from "@aws-sdk/client-lambda";
import { GetObjectCommand, ListObjectsV2Command } from "@aws-sdk/client-s3";
import { parseDocument } from "yaml";
import { containersLack } from "../../../automation/containers";
import { findLocalAws } from "../../../automation/local";
import { protectIn } from "../../../automation/release/protect";
import { parseReference, shortDigest } from "../../../automation/release/reference";
import { connectEcr, lookUp } from "../../../automation/release/registry";
import { dataset, ingest, rows, sharedLake, type DeployResult, type StatusResult } from "../support/lake";
import { Workspace } from "../support/workspace";
import { callEveryFunction, Calls } from "./support/calls";

const sample = path.join("datasets", dataset, "sample", "meteorites.ndjson");

describe("a lake whose functions are images", () => {
  let lake: Workspace;
  let archives: Workspace;
  let calls: Calls;

  before(async function () {
    const lacking = await containersLack();
    if (lacking.length > 0) {
      process.stdout.write(`    skipped: ${lacking.map(({ what, next }) => `${what} (${next})`).join(", ")}\n`);
      this.skip();
    }
    lake = await Workspace.create("image-flow");
    const file = path.join(lake.root, "Pulumi.local.yaml");
    const settings = parseDocument(await fs.readFile(file, "utf8"));
    settings.setIn(["config", "tributary:packaging"], "image");
    settings.setIn(["config", "tributary:images"], "build");
    await fs.writeFile(file, settings.toString());
    await lake.json<DeployResult>(["deploy", "local"]);
    calls = await Calls.of(lake);
    archives = await sharedLake();
  });

  after(() => lake?.remove());

  it("is deployed by digests, which every function reports itself", async () => {
    for (const [name, arn] of Object.entries(calls.functions)) {
      const { Configuration, Code } = await calls.lambda.send(new GetFunctionCommand({ FunctionName: arn }));
      assert.equal(Configuration?.PackageType, "Image", name);
      const [, digest] = /^[^@]+@(sha256:[0-9a-f]{64})$/.exec(Code?.ImageUri ?? "") ?? [];
      assert.ok(digest, `${name}: ${Code?.ImageUri}`);
      const described = await calls.invoke<{ function: string; digest: string }>(name, { tributary: "describe" });
      assert.equal(described.digest, digest, name);
    }
  });

  it("has a tag of its own on every image that it runs, beside those of other environments", async () => {
    const aws = await findLocalAws(lake.root);
    const { client, close } = await connectEcr("us-east-1", aws);
    try {
      const { images } = (await lake.json<StatusResult>(["status", "local"])).environments[0]!.outputs;
      const references = Object.values(images as Record<string, string>).map(parseReference);
      const repository = references[0]!.repository;
      const digests = [...new Set(references.map(({ digest }) => digest))];
      const wanted = digests.map((digest) => `deployed.local.us-east-1.${shortDigest(digest)}`);
      const lacking = async () => {
        const found = await lookUp(client, repository, digests);
        assert.equal(found.size, digests.length);
        return wanted.filter((tag, index) => !found.get(digests[index]!)!.tags.includes(tag));
      };
      assert.deepEqual(await lacking(), []);
      const again = { env: "other", region: "us-east-1", repository, running: digests, keep: undefined };
      assert.deepEqual(await protectIn(client, again), { tagged: digests.length, removed: 0 });
      assert.deepEqual(await protectIn(client, again), { tagged: 0, removed: 0 });
      assert.deepEqual(await lacking(), []);
    } finally {
      close();
    }
  });

  it("changes nothing when it is deployed again, and builds nothing", async () => {
    const { changes } = await lake.json<DeployResult>(["deploy", "local"]);
    assert.deepEqual({ ...changes, same: 0 }, { create: 0, update: 0, delete: 0, same: 0 });
  });

  it("gives the same Parquet as one whose functions are archives", async () => {
    const name = "the-same-in-both.json";
    const text = await fs.readFile(path.join(lake.root, sample), "utf8");
    const [ours, theirs] = [
      await parquetOf(lake, calls, name, text),
      await parquetOf(archives, await Calls.of(archives), name, text),
    ];
    assert.ok(ours.length > 0);
    assert.deepEqual(ours, theirs);
    const sql = "select count(*) as n, sum(mass_g) as grams from meteorites";
    assert.ok(Number((await rows(lake, sql))[0]?.n) > 0);
  });

  it("answers every event as one whose functions are archives does", async () => {
    const ours = await callEveryFunction(lake, calls);
    const theirs = await callEveryFunction(archives, await Calls.of(archives));
    assert.deepEqual(Object.keys(ours).sort(), Object.keys(calls.functions).sort(), "no function is left out");
    assert.deepEqual(ours, theirs);
  });
});

/** Digests of the Parquet files that one ingested file became, sorted. */
async function parquetOf(lake: Workspace, { s3, outputs }: Calls, name: string, text: string): Promise<string[]> {
  const bucket = String(outputs.stageBucket);
  const list = async () => {
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: `post/${dataset}/` }));
    return Contents.map(({ Key }) => Key ?? "");
  };
  const before = new Set(await list());
  const { processed } = await ingest(lake, await lake.input(name, text));
  assert.equal(processed, 1);
  const digests: string[] = [];
  for (const key of (await list()).filter((one) => !before.has(one))) {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    digests.push(
      createHash("sha256")
        .update((await Body?.transformToByteArray()) ?? "")
        .digest("hex"),
    );
  }
  return digests.sort();
}
