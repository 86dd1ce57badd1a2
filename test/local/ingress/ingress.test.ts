import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  GetBucketNotificationConfigurationCommand,
  PutBucketNotificationConfigurationCommand,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { DescribeExecutionCommand, SFNClient, StartExecutionCommand } from "@aws-sdk/client-sfn";
import { gzipSync } from "node:zlib";
import { localClientSettings } from "../../../automation/local";
import {
  dataset,
  ingest,
  lines,
  meteorite,
  rows,
  sharedLake,
  type DeployResult,
  type StatusResult,
} from "../support/lake";
import type { Workspace } from "../support/workspace";
import { access, ask, versionsWith, type LocalAccess } from "./support";

interface Backfilled {
  listed: number;
  sent: number;
  known: number;
}

interface Erased {
  ok: boolean;
  raw: { records: number; rewritten: string[] };
  left: number;
  undecided: { key: string }[];
  proof: { digest: string };
}

describe("objects that come without an event", () => {
  let lake: Workspace;
  let local: LocalAccess;
  let outputs: Record<string, string>;

  before(async () => {
    lake = await sharedLake();
    local = await access(lake);
    outputs = (await lake.json<StatusResult>(["status", "local"])).environments[0]!.outputs as Record<string, string>;
  });

  after(() => {
    local.s3.destroy();
    local.agent.destroy();
  });

  const put = (name: string, Body: string | Buffer) =>
    local.s3.send(new PutObjectCommand({ Bucket: outputs.rawBucket, Key: `${dataset}/${name}`, Body }));

  /** Puts objects whose events are lost. */
  async function silently(work: () => Promise<unknown>): Promise<void> {
    const Bucket = outputs.rawBucket;
    const { EventBridgeConfiguration } = await local.s3.send(new GetBucketNotificationConfigurationCommand({ Bucket }));
    assert.ok(EventBridgeConfiguration);
    const notify = (NotificationConfiguration: object) =>
      local.s3.send(new PutBucketNotificationConfigurationCommand({ Bucket, NotificationConfiguration }));
    await notify({});
    try {
      await work();
    } finally {
      await notify({ EventBridgeConfiguration });
    }
  }

  const backfill = (...flags: string[]) => lake.json<Backfilled>(["backfill", "local", dataset, ...flags]);

  it("are processed by a backfill, once, and again where that is asked for", async () => {
    await silently(async () => {
      await put("lost/a.ndjson", lines(meteorite(8101), meteorite(8102)));
      await put("lost/b.json", JSON.stringify(meteorite(8103)));
    });
    const prefix = ["--prefix", "lost/"];
    const only = ({ listed, sent, known }: Backfilled) => ({ listed, sent, known });
    assert.deepEqual(only(await backfill(...prefix, "--dry-run")), { listed: 2, sent: 2, known: 0 });
    assert.deepEqual(only(await backfill(...prefix, "--wait")), { listed: 2, sent: 2, known: 0 });
    const found = () => rows(lake, "select id from meteorites where id between 8101 and 8103 order by id");
    assert.deepEqual(await found(), [{ id: 8101 }, { id: 8102 }, { id: 8103 }]);
    assert.deepEqual(only(await backfill(...prefix)), { listed: 2, sent: 0, known: 2 });
    assert.deepEqual(only(await backfill(...prefix, "--again", "--wait")), { listed: 2, sent: 2, known: 0 });
    assert.equal((await found()).length, 3, "the same rows, once");
    await put("lost/a.ndjson", lines(meteorite(8104)));
    await sleep(500);
    await backfill(...prefix, "--wait");
    const now = "select id from meteorites where id between 8101 and 8104 order by id";
    assert.deepEqual(
      await rows(lake, now),
      [{ id: 8103 }, { id: 8104 }],
      "an event after a backfill is a later version",
    );
  });

  it("and records that have to go are erased from all zones and versions, which a look at every byte shows", async () => {
    const text = "Erase Me Everywhere";
    const gone = meteorite(8200, text);
    await ingest(lake, await lake.input("erase-a.ndjson", lines(meteorite(8201), gone, meteorite(8202))));
    // A former version that held it, whose successor does not.
    await put("erase-b.json.gz", gzipSync(JSON.stringify(gone)));
    await ingest(lake, await lake.input("erase-c.csv", `id,name,fall\n8200,"${text}",Fell\n8203,Other,Fell\n`));
    await put("erase-b.json.gz", gzipSync(JSON.stringify(meteorite(8204))));
    const broken = await ingest(lake, await lake.input("erase-d.json", `{"id": "8200", "name": "${text}`));
    assert.equal(broken.failed, 1);
    const where = ["--where", "id=8200"];
    const undecided = await lake.json<Erased>(["erase", "local", dataset, ...where, "--dry-run"], 1);
    assert.deepEqual(
      undecided.undecided.map(({ key }) => key),
      [`${dataset}/erase-d.json`],
    );
    const erased = await lake.json<Erased>([
      "erase",
      "local",
      dataset,
      ...where,
      "--yes",
      dataset,
      "--delete-unreadable",
    ]);
    assert.deepEqual([erased.ok, erased.left, erased.undecided], [true, 0, []]);
    assert.deepEqual(erased.raw.rewritten.sort(), [`${dataset}/erase-a.ndjson`, `${dataset}/erase-c.csv`]);
    for (const bucket of [outputs.rawBucket, outputs.stageBucket, outputs.analyticsBucket])
      assert.deepEqual(await versionsWith(local.s3, bucket!, text), [], bucket);
    const left = await rows(lake, "select id from meteorites where id between 8200 and 8204 order by id");
    assert.deepEqual(left, [{ id: 8201 }, { id: 8202 }, { id: 8203 }, { id: 8204 }]);
    const nothing = await lake.json<Erased>(["erase", "local", dataset, ...where, "--dry-run"]);
    assert.deepEqual([nothing.ok, nothing.raw.records], [true, 0]);
  });

  it("and queries take parameters, and write CSV", async () => {
    const out = path.join(lake.root, ".tributary", "out.csv");
    const sql = "select id, name from meteorites where id = :id or name = :name order by id";
    const params = ["--param", "id=8103", "--param", "name=it's ':id'"];
    await lake.json(["query", "local", sql, ...params, "--output", "csv", "--out", out]);
    assert.equal(await fs.readFile(out, "utf8"), "id,name\n8103,Stone 8103\n");
    const wrong = await lake.tributary("query", "local", sql, "--param", "id=1");
    assert.equal(wrong.code, 2, wrong.stderr);
  });

  describe("where the manifest has a schedule and takes requests", () => {
    let manifest: string;
    let committed: string;

    before(async () => {
      manifest = path.join(lake.root, "datasets", dataset, "manifest.yaml");
      committed = await fs.readFile(manifest, "utf8");
      assert.doesNotMatch(committed, /^triggers:/m);
      await fs.writeFile(manifest, `${committed}triggers: { http: true, schedule: cron(0 6 1 1 ? *) }\n`);
      await lake.json<DeployResult>(["deploy", "local"]);
      outputs = (await lake.json<StatusResult>(["status", "local"])).environments[0]!.outputs as Record<string, string>;
    });

    after(async () => {
      await fs.writeFile(manifest, committed);
      await lake.json<DeployResult>(["deploy", "local"]);
    });

    it("are processed by a signed request, whose status can be asked for", async () => {
      await silently(() => put("http/a.json", JSON.stringify(meteorite(8301))));
      const url = String(outputs.httpApiUrl);
      const where = `/datasets/${dataset}/executions`;
      const body = JSON.stringify({ objects: ["http/a.json", "http/missing.json"] });
      const unsigned = await ask(local, url, { method: "POST", path: where, body, signed: false });
      assert.equal(unsigned.status, 403);
      const invalid = await ask(local, url, { method: "POST", path: where, body: '{"objects": []}' });
      assert.equal(invalid.status, 400);
      const started = await ask(local, url, { method: "POST", path: where, body });
      assert.equal(started.status, 202, JSON.stringify(started.body));
      let answer = started;
      for (let looks = 0; answer.body.status === "RUNNING" && looks < 100; looks++) {
        await sleep(200);
        answer = await ask(local, url, { method: "GET", path: `${where}/${String(started.body.id)}` });
      }
      const { sent, gone } = answer.body.result as { sent: number; gone: number };
      assert.deepEqual([answer.body.status, sent, gone], ["SUCCEEDED", 1, 1], JSON.stringify(answer.body));
      for (let looks = 0; looks < 100; looks++) {
        if ((await rows(lake, "select id from meteorites where id = 8301")).length === 1) break;
        await sleep(200);
      }
      assert.deepEqual(await rows(lake, "select id from meteorites where id = 8301"), [{ id: 8301 }]);
    });

    it("are found by what the schedule starts", async () => {
      await silently(() => put("schedule/a.json", JSON.stringify(meteorite(8302))));
      const stepFunctions = new SFNClient({ ...localClientSettings(local.aws, local.agent), disableHostPrefix: true });
      const [team, name] = dataset.split("/");
      // The schedule's own input; that the local AWS fires schedules was seen by hand, and takes a minute.
      const input = JSON.stringify({ team, dataset: name, origin: "schedule" });
      const request = { stateMachineArn: outputs.backfillStateMachineArn, input };
      const { executionArn } = await stepFunctions.send(new StartExecutionCommand(request));
      let status: string | undefined = "RUNNING";
      let output = "{}";
      for (let looks = 0; status === "RUNNING" && looks < 200; looks++) {
        await sleep(200);
        ({ status, output = "{}" } = await stepFunctions.send(new DescribeExecutionCommand({ executionArn })));
      }
      assert.equal(status, "SUCCEEDED", output);
      assert.ok((JSON.parse(output) as Backfilled).sent >= 1, output);
      stepFunctions.destroy();
    });
  });
});
