import { strict as assert } from "node:assert";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { GetCommand } from "@aws-sdk/lib-dynamodb";
import { withLake, type Lake } from "../../../automation/lake/connect";
import { proveCounts, type Proof } from "../../../automation/lake/counts";
import type { Execution } from "../../../automation/lake/executions";
import type { Story } from "../../../automation/lake/story";
import { findEnvironment } from "../../../automation/stacks/environments";
import { pagesOf } from "../../../layer/store/query";
import { dataset, ingest, lines, meteorite, rows, sharedLake } from "../support/lake";
import type { Workspace } from "../support/workspace";

describe("control tables", () => {
  let workspace: Workspace;

  before(async () => (workspace = await sharedLake()));

  const connected = <T>(work: (lake: Lake) => Promise<T>) =>
    withLake(workspace.root, findEnvironment(workspace.root, "local"), work);
  const executions = (...flags: string[]) => workspace.json<Execution[]>(["executions", "local", ...flags]);

  it("tell an object's whole story: versions, files with their sizes, rows, costs, and what replaced what", async () => {
    await ingest(workspace, await workspace.input("story.ndjson", lines(meteorite(9701), meteorite(9702))));
    await ingest(workspace, await workspace.input("story.ndjson", lines(meteorite(9703))));
    const story = await workspace.json<Story>(["object", "local", `${dataset}/story.ndjson`]);
    const [first, second] = story.versions;
    assert.ok(first && second && story.versions.length === 2);
    assert.deepEqual([first.current, second.current, first.supersededBy], [false, true, second.version]);
    assert.deepEqual([first.rows, second.rows, first.post], [2, 1, []]);
    assert.deepEqual(second.supersedes, [first.version]);
    for (const file of [second.raw, second.pre, ...second.post]) assert.ok(file?.exists && (file.bytes ?? 0) > 0);
    for (const version of story.versions) {
      assert.deepEqual(
        version.tries.map(({ stage, status }) => `${stage} ${status}`),
        ["A SUCCEEDED", "B SUCCEEDED"],
      );
      for (const { cost = 0, executionArn = "" } of version.tries)
        assert.ok(cost > 0 && executionArn.includes(":execution:"));
      assert.equal(version.batch?.engine, "duckdb");
    }
    // The file that a query shows leads back to its object.
    const [row] = await rows(workspace, "select count(*) as n from meteorites where id between 9701 and 9703");
    assert.equal(row?.n, 1);
    const back = await workspace.json<Story>(["object", "local", second.post[0]?.url ?? ""]);
    assert.equal(back.key, `${dataset}/story.ndjson`);
  });

  it("are asked for executions by what went wrong, by stage, time and object", async () => {
    const since = new Date().toISOString();
    const file = await workspace.input("wrong.json", '{"name": ');
    const { objects } = await ingest(workspace, file);
    const object = objects[0]?.key ?? "";
    const failed = await executions("--failed", "--since", since, "--dataset", dataset);
    assert.deepEqual(
      failed.map((one) => [one.stage, one.status, one.object]),
      [["A", "FAILED", object]],
    );
    assert.match(failed[0]?.error ?? "", /^MalformedJson: /);
    assert.deepEqual(await executions("--object", "wrong.json", "--dataset", dataset, "--since", since), failed);
    assert.deepEqual(await executions("--state", "succeeded", "--object", object), []);
    assert.deepEqual(await executions("--stage", "b", "--since", since, "--team", "engineering"), []);
    assert.deepEqual(await executions("--until", since, "--object", object), []);
    const wrong = await workspace.tributary("executions", "local", "--state", "odd");
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /InvalidState: --state: found "odd"; allowed: succeeded, failed, retried/);
  });

  it("are followed: a line as it comes, until Ctrl-C", async () => {
    const child = workspace.start(
      "executions",
      "local",
      "--follow",
      "--json",
      "--dataset",
      dataset,
      "--since",
      "1 second",
    );
    const exit = once(child, "exit");
    const found: Execution[] = [];
    const both = new Promise<void>((resolve) => {
      createInterface({ input: child.stdout! }).on("line", (text) => {
        found.push(JSON.parse(text) as Execution);
        if (found.filter((one) => one.object.endsWith("/followed.ndjson")).length === 2) resolve();
      });
    });
    await ingest(workspace, await workspace.input("followed.ndjson", lines(meteorite(9711))));
    await both;
    child.kill("SIGINT");
    assert.deepEqual(await exit, [130, null]);
    const own = found.filter((one) => one.object.endsWith("/followed.ndjson"));
    assert.deepEqual(
      own.map(({ stage }) => stage),
      ["A", "B"],
    );
  });

  it("agree with each other: in = processed + failed, whatever came before", async () => {
    const proof = await connected(async (lake) => {
      let last: Proof = await proveCounts(lake, dataset);
      // Others may have left something on its way.
      for (let tries = 0; tries < 20 && last.counts.inFlight > 0; tries++) {
        await new Promise((resolve) => setTimeout(resolve, 500));
        last = await proveCounts(lake, dataset);
      }
      return last;
    });
    assert.deepEqual(proof.differences, []);
    assert.ok(proof.counts.received >= 4 && proof.counts.failed >= 1 && proof.counts.cost > 0);
    assert.equal(proof.counts.received, proof.counts.processed + proof.counts.failed);
  });

  it("list a dataset's objects in the order of their keys, and know its team, pipeline and configuration", async () => {
    await connected(async (lake) => {
      const { objectMetadataTable, ...outputs } = lake.outputs as unknown as Record<string, string>;
      const keys: Buffer[] = [];
      const pages = pagesOf(
        {
          TableName: objectMetadataTable,
          IndexName: "byDataset",
          KeyConditionExpression: "#datasetId = :id",
          ExpressionAttributeNames: { "#datasetId": "datasetId" },
          ExpressionAttributeValues: { ":id": dataset },
        },
        lake.dynamodb,
      );
      for await (const page of pages) keys.push(...page.map(({ key }) => Buffer.from(String(key))));
      assert.ok(keys.length >= 4);
      assert.deepEqual(
        keys,
        [...keys].sort((a, b) => Buffer.compare(a, b)),
      );
      const read = async (table: string | undefined, Key: Record<string, string>) =>
        (await lake.dynamodb.send(new GetCommand({ TableName: table, Key }))).Item ?? {};
      const team = await read(outputs.teamsTable, { team: "engineering" });
      assert.ok((team.datasets as string[]).includes("meteorites"));
      const stage = await read(outputs.pipelinesTable, { pipeline: "standard", stage: "b" });
      assert.equal(stage.machine, outputs.stageBStateMachineArn);
      const configuration = await read(outputs.configurationTable, { name: "lake" });
      assert.equal(typeof configuration.lanes, "number");
    });
  });
});
