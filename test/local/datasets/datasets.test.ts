import { ListObjectsV2Command } from "@aws-sdk/client-s3";
import { QueryCommand } from "@aws-sdk/lib-dynamodb";
import { XMLParser } from "fast-xml-parser";
import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import * as path from "node:path";
import type { ExpectationReport } from "../../../automation/datasets/report";
import { connect, type Lake } from "../../../automation/lake/connect";
import { findEnvironment } from "../../../automation/stacks/environments";
import { rows, sharedLake, type IngestResult } from "../support/lake";
import type { Workspace } from "../support/workspace";

const samples = {
  "engineering/meteorites": "meteorites.ndjson",
  "climate/readings": "readings-2026-10-31.csv",
  "sales/orders": "orders.json",
};

/** What this test reads of `object --json`. */
interface Story {
  versions: { rows?: number; quarantined?: number }[];
}

describe("datasets of different shapes, added by their manifests alone", () => {
  let workspace: Workspace;
  let lake: Lake;

  before(async () => {
    workspace = await sharedLake();
    lake = await connect(workspace.root, findEnvironment(workspace.root, "local"));
  });
  after(() => lake?.close());

  const send = (dataset: string, ...files: string[]) =>
    workspace.json<IngestResult>(["ingest", "local", dataset, ...files, "--wait"]);
  const all = async (dataset: string) => {
    const found = await lake.s3.send(
      new ListObjectsV2Command({ Bucket: lake.outputs.stageBucket, Prefix: `quarantine/${dataset}/` }),
    );
    return (found.Contents ?? []).map(({ Key }) => Key);
  };
  /** Versions of the schema that the lake has recorded, oldest first. */
  const schemas = async (datasetId: string) => {
    const { Items = [] } = await lake.dynamodb.send(
      new QueryCommand({
        TableName: lake.outputs.dataSchemasTable,
        KeyConditionExpression: "datasetId = :id",
        ExpressionAttributeValues: { ":id": datasetId },
      }),
    );
    return Items as { columns: { name: string; type: string }[] }[];
  };

  it("process their samples side by side", async () => {
    const results = await Promise.all(
      Object.entries(samples).map(([dataset, file]) => send(dataset, path.join("datasets", dataset, "sample", file))),
    );
    for (const { processed, failed } of results) assert.deepEqual({ processed, failed }, { processed: 1, failed: 0 });
  });

  it("have tables by parts of dates, with nested columns and what no column names", async () => {
    assert.deepEqual(
      await rows(
        workspace,
        "select measured_at_month, count(*) as n, count(_extra) as kept from station_readings group by 1 order by 1",
      ),
      [
        { measured_at_month: "2026-10", n: 43, kept: 1 },
        { measured_at_month: "2026-11", n: 47, kept: 1 },
      ],
    );
    const [days] = await rows(
      workspace,
      "select count(*) as n, count(distinct order_id) as orders, min(ordered_at) as first from order_items where ordered_at_day between '2026-11-19' and '2026-11-20'",
    );
    assert.deepEqual([days?.n, days?.orders], [60, 29]);
    assert.match(String(days?.first), /^2026-11-19/);
    const gifts = await rows(
      workspace,
      "select distinct order_id, _extra from order_items where _extra is not null order by 1",
    );
    assert.deepEqual(
      gifts,
      ["O-1023", "O-1024"].map((order_id) => ({ order_id, _extra: '{"giftMessage":"Happy birthday, Zoë!"}' })),
    );
  });

  it("put the rows into quarantine that break an expectation, and count them", async () => {
    const key = `s3://${lake.outputs.rawBucket}/climate/readings/${samples["climate/readings"]}`;
    const { versions } = await workspace.json<Story>(["object", "local", key]);
    assert.deepEqual([versions[0]?.rows, versions[0]?.quarantined], [90, 8]);
    assert.equal((await all("climate/readings")).length, 1);
    assert.equal((await all("engineering/meteorites")).length, 0);
  });

  it("report their expectations, also as a JUnit file", async () => {
    const file = path.join(workspace.temporary, "readings.xml");
    const report = await workspace.json<ExpectationReport>(
      ["expectations", "local", "climate/readings", "--junit", file],
      1,
    );
    assert.deepEqual([report.rows, report.quarantined], [90, 8]);
    const broken = Object.fromEntries(report.expectations.map(({ name, broken: count }) => [name, count]));
    assert.deepEqual([broken["unique(reading)"], broken["regex(station)"], broken.rows], [3, 1, 0]);
    const { testsuites } = new XMLParser({ ignoreAttributes: false }).parse(await fs.readFile(file, "utf8")) as {
      testsuites: { testsuite: { testcase: { "@_name": string; failure?: unknown; skipped?: unknown }[] } };
    };
    const cases = testsuites.testsuite.testcase;
    const named = (has: "failure" | "skipped") =>
      cases.filter((one) => one[has] !== undefined).map((one) => one["@_name"]);
    assert.deepEqual([cases.length, named("failure").length, named("skipped")], [9, 6, ["range(pressure_hpa) (warn)"]]);
  });

  it("record a new version of their schema when a producer sends something new, and stay readable", async () => {
    const before = await schemas("sales/orders");
    const order = {
      orderId: "O-9001",
      orderedAt: "2026-11-21T20:00:00Z",
      loyalty: { points: 3 },
      items: [{ sku: "TEA-GREEN", quantity: 1 }],
    };
    const sent = await send("sales/orders", await workspace.input("later.json", JSON.stringify(order)));
    assert.equal(sent.processed, 1);
    const after = await schemas("sales/orders");
    assert.equal(after.length, before.length + 1);
    const names = (version: (typeof after)[number] | undefined) => (version?.columns ?? []).map(({ name }) => name);
    assert.deepEqual(
      names(after.at(-1)).filter((name) => !names(before.at(-1)).includes(name)),
      ["loyalty"],
    );
    const [row] = await rows(workspace, "select channel, amount, _extra from order_items where order_id = 'O-9001'");
    assert.deepEqual(row, { channel: "web", amount: null, _extra: '{"loyalty":{"points":3}}' });
    assert.equal((await schemas("sales/orders")).length, after.length);
  });

  it("replace a quarantined version's rows and its quarantine by those of the next version", async () => {
    const name = samples["climate/readings"];
    const text = await fs.readFile(path.join(workspace.root, "datasets/climate/readings/sample", name), "utf8");
    const good = text.split("\n").slice(0, 3).join("\n");
    const sent = await send("climate/readings", await workspace.input(name, `${good}\n`));
    assert.equal(sent.processed, 1);
    assert.deepEqual(await rows(workspace, "select count(*) as n from station_readings"), [{ n: 2 }]);
    assert.deepEqual(await all("climate/readings"), []);
    const report = await workspace.json<ExpectationReport>(["expectations", "local", "climate/readings"]);
    assert.deepEqual([report.objects, report.rows, report.quarantined], [1, 2, 0]);
  });
});
