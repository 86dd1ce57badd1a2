import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { GetJobCommand, GetJobRunCommand, GlueClient, StartJobRunCommand, type Job } from "@aws-sdk/client-glue";
import {
  CreateFunctionCommand,
  GetLayerVersionCommand,
  InvokeCommand,
  LambdaClient,
  ListLayerVersionsCommand,
} from "@aws-sdk/client-lambda";
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { strToU8, zipSync } from "fflate";
import type { QueryResult, StatusResult } from "../support/lake";
import type { Workspace } from "../support/workspace";
import { commandOf, connect, deployedWorkspace, regions, runStep, type ClientsOf } from "./support";

interface Migrated {
  applied: string[];
  before: number;
  error?: { code: string; message: string };
}

interface Published {
  digest: string;
  layers: { region: string; result: string; arn?: string }[];
}

interface Updated {
  result: string;
  location: string;
  former: string;
  error?: { code: string; message: string };
}

describe("what is delivered beside the lake", function () {
  this.timeout(180_000);
  let workspace: Workspace;
  let of: ClientsOf;
  let close: () => void;
  let outputs: Record<string, unknown>;

  before(async () => {
    workspace = await deployedWorkspace();
    ({ of, close } = await connect(workspace));
    const { environments } = await workspace.json<StatusResult>(["status", "dev"]);
    outputs = environments[0]!.outputs;
  });
  after(async () => {
    close?.();
    await workspace?.remove();
  });

  const file = (name: string) => path.join(workspace.root, name);
  const edit = (name: string, change: (text: string) => string) =>
    fs.readFile(file(name), "utf8").then((text) => fs.writeFile(file(name), change(text)));

  describe("a Lambda layer", () => {
    let command: string;
    const results = ({ layers }: Published) => layers.map(({ region, result }) => `${region} ${result}`);
    const versions = async (region: string) => {
      const client = new LambdaClient(of(region));
      const { LayerVersions = [] } = await client.send(new ListLayerVersionsCommand({ LayerName: "geo" }));
      return LayerVersions.map(({ Version }) => Version);
    };

    before(async () => (command = await commandOf(workspace, "lambda-layer")));

    it("is the same archive in every region, and the same files are published once", async () => {
      const first = await runStep<Published>(workspace, command);
      assert.deepEqual(
        results(first),
        regions.map((region) => `${region} published`),
      );
      // What a person's editor does to times of files is no change.
      await fs.utimes(file("docs/examples/lambda-layer/layer/python/geo.py"), 0, 0);
      const second = await runStep<Published>(workspace, command);
      assert.deepEqual(
        results(second),
        regions.map((region) => `${region} unchanged`),
      );
      assert.deepEqual(
        second.layers.map(({ arn }) => arn),
        first.layers.map(({ arn }) => arn),
      );
      const digests = regions.map(async (region) => {
        const found = new GetLayerVersionCommand({ LayerName: "geo", VersionNumber: 1 });
        return (await new LambdaClient(of(region)).send(found)).Content?.CodeSha256;
      });
      const [here, there] = await Promise.all(digests);
      assert.ok(here !== undefined && here === there, `${here} ${there}`);
      for (const region of regions) assert.deepEqual(await versions(region), [1], region);
    });

    it("is used by a function in the other region", async () => {
      const client = new LambdaClient(of(regions[1]));
      const { LayerVersions } = await client.send(new ListLayerVersionsCommand({ LayerName: "geo" }));
      const handler = `from geo import distance\ndef handler(event, context):\n    return round(distance(*event))\n`;
      await client.send(
        new CreateFunctionCommand({
          FunctionName: "far",
          Runtime: "python3.13",
          Handler: "index.handler",
          Role: String(outputs.functionRole),
          Code: { ZipFile: zipSync({ "index.py": strToU8(handler) }) },
          Layers: [LayerVersions![0]!.LayerVersionArn!],
        }),
      );
      const places = JSON.stringify([
        [52.52, 13.405],
        [48.8566, 2.3522],
      ]);
      const { Payload, FunctionError } = await client.send(new InvokeCommand({ FunctionName: "far", Payload: places }));
      const answer = Buffer.from(Payload!).toString();
      assert.deepEqual([FunctionError, answer], [undefined, "877"]);
    });

    it("is brought to a region that is behind, and to no other", async () => {
      await edit("docs/examples/lambda-layer/layer/python/geo.py", (text) => `${text}\n# another one\n`);
      const [, behind] = regions;
      await runStep<Published>(workspace, command.replace(regions.join(","), behind));
      assert.deepEqual([await versions(regions[0]), await versions(behind)], [[1], [2, 1]]);
      const all = await runStep<Published>(workspace, command);
      assert.deepEqual(results(all), [`${regions[0]} published`, `${behind} unchanged`]);
      assert.deepEqual(
        [await versions(regions[0]), await versions(behind)],
        [
          [2, 1],
          [2, 1],
        ],
      );
    });
  });

  describe("a Glue job", () => {
    const script = "docs/examples/glue-job/clean.py";
    let command: string;
    let glue: GlueClient;
    let deployed: Job;
    const job = async () => (await glue.send(new GetJobCommand({ JobName: "clean" }))).Job!;
    const textOf = async (location: string) => {
      const [, Bucket, Key] = /^s3:\/\/([^/]+)\/(.+)$/.exec(location)!;
      const { Body } = await new S3Client({ ...of(), forcePathStyle: true }).send(
        new GetObjectCommand({ Bucket, Key }),
      );
      return Body!.transformToString();
    };
    const ran = async () => {
      const { JobRunId: RunId } = await glue.send(new StartJobRunCommand({ JobName: "clean" }));
      for (;;) {
        const { JobRun } = await glue.send(new GetJobRunCommand({ JobName: "clean", RunId }));
        if (!["STARTING", "RUNNING"].includes(JobRun!.JobRunState!)) return JobRun!;
        await sleep(100);
      }
    };

    before(async () => {
      command = await commandOf(workspace, "glue-job");
      glue = new GlueClient(of());
      deployed = await job();
    });

    it("keeps its script when a test fails, and its lines are told", async () => {
      await edit(script, (text) => text.replace("float(text)", "int(text)"));
      const { error } = await runStep<Updated>(workspace, command, 1);
      assert.equal(error?.code, "GlueTestsFailed");
      assert.match(error.message, /test_takes_out_what_is_there_twice[\s\S]*FAILED \(failures=\d\)/);
      assert.deepEqual(await job(), deployed);
      await edit(script, (text) => text.replace("int(text)", "float(text)"));
    });

    it("gets its script under a name of its content, and keeps everything else", async () => {
      const { result, location, former } = await runStep<Updated>(workspace, command);
      assert.equal(result, "updated");
      assert.match(location, /^s3:\/\/tributary-dev-analytics\/jobs\/clean-[0-9a-f]{16}\.py$/);
      assert.equal(former, deployed.Command?.ScriptLocation);
      assert.equal(await textOf(location), await fs.readFile(file(script), "utf8"));
      assert.equal(await textOf(former), "pass\n");
      const now = await job();
      assert.deepEqual(
        { ...now, LastModifiedOn: undefined },
        { ...deployed, Command: { ...deployed.Command, ScriptLocation: location }, LastModifiedOn: undefined },
      );
      assert.deepEqual([now.MaxRetries, now.Timeout, now.MaxCapacity], [2, 17, 0.0625]);
      assert.equal((await runStep<Updated>(workspace, command)).result, "unchanged");
      assert.deepEqual((await job()).LastModifiedOn, now.LastModifiedOn);
    });

    it("runs the script that it was given, and the former one after a way back", async () => {
      const whole = await fs.readFile(file(script), "utf8");
      const main = /if __name__[\s\S]+$/;
      await edit(script, (text) => text.replace(main, 'sys.exit("the new script: " + clean("id,amount\\n1,x\\n"))\n'));
      const untested = command.replace(/ --test ".*"$/, "");
      const { location, former } = await runStep<Updated>(workspace, untested);
      const { JobRunState, ErrorMessage } = await ran();
      assert.deepEqual([JobRunState, ErrorMessage?.trim()], ["FAILED", "the new script: id,amount"]);
      await fs.writeFile(file(script), whole.replace(main, "sys.exit(0)\n"));
      await runStep<Updated>(workspace, untested);
      assert.equal((await ran()).JobRunState, "SUCCEEDED");
      await fs.writeFile(file(script), whole);
      assert.equal((await runStep<Updated>(workspace, command)).location, former);
      assert.match(await textOf(location), /the new script/);
    });
  });

  describe("SQL migrations", () => {
    const folder = "docs/examples/sql-migrations/migrations";
    const names = ["0001_create_visits.sql", "0002_create_pages.sql"];
    let command: string;
    const query = (sql: string) => workspace.json<QueryResult>(["query", "dev", sql]).then(({ rows }) => rows);
    const table = (name: string) =>
      `CREATE EXTERNAL TABLE ${name} (id int) STORED AS TEXTFILE LOCATION 's3://\${analyticsBucket}/${name}/';\n`;

    before(async () => (command = await commandOf(workspace, "sql-migrations")));

    it("are run once, in their order, and what they made can be asked", async () => {
      assert.deepEqual(await runStep<Migrated>(workspace, command), {
        ok: true,
        env: "dev",
        applied: names,
        before: 0,
      });
      const s3 = new S3Client({ ...of(), forcePathStyle: true });
      const files = { visits: "home,ann,3\nhome,bob,4\ncart,ann,10\n", pages: "home,Start\ncart,Basket\n" };
      for (const [name, Body] of Object.entries(files))
        await s3.send(
          new PutObjectCommand({ Bucket: String(outputs.analyticsBucket), Key: `warehouse/${name}/one.csv`, Body }),
        );
      const readme = await fs.readFile(file("docs/examples/sql-migrations/README.md"), "utf8");
      const rows = await query(/query local "(.+)"/.exec(readme)![1]!);
      assert.deepEqual(rows.map(({ title, seconds }) => [title, Number(seconds)]).sort(), [
        ["Basket", 10],
        ["Start", 7],
      ]);
      const again = await runStep<Migrated>(workspace, command.replace(folder, file(`./${folder}/`)));
      assert.deepEqual([again.applied, again.before], [[], 2]);
    });

    it("that were run are not changed, and a later one is run alone", async () => {
      await edit(`${folder}/${names[1]}`, (text) => text.replace("title string", "heading string"));
      const { error } = await runStep<Migrated>(workspace, command, 2);
      assert.equal(error?.code, "MigrationChanged");
      await edit(`${folder}/${names[1]}`, (text) => text.replace("heading string", "title string"));
      await fs.writeFile(file(`${folder}/0003_more.sql`), table("more"));
      const { applied, before } = await runStep<Migrated>(workspace, command);
      assert.deepEqual([applied, before], [["0003_more.sql"], 2]);
    });

    it("that failed are run again when they were mended, after those before them", async () => {
      await fs.writeFile(file(`${folder}/0004_good.sql`), table("good"));
      await fs.writeFile(file(`${folder}/0005_bad.sql`), "SELECT nothing FROM nowhere;\n");
      const { error } = await runStep<Migrated>(workspace, command, 1);
      assert.equal(error?.code, "MigrationFailed");
      assert.match(error.message, /0005_bad\.sql, statement 1 \(SELECT nothing FROM nowhere\)/);
      await fs.writeFile(file(`${folder}/0005_bad.sql`), "SELECT 1;\n");
      const { applied, before } = await runStep<Migrated>(workspace, command);
      assert.deepEqual([applied, before], [["0005_bad.sql"], 4]);
      await fs.writeFile(file(`${folder}/0006_unknown.sql`), table("x").replace("analyticsBucket", "bucket"));
      assert.match((await runStep<Migrated>(workspace, command, 2)).error!.message, /found \$\{bucket\}; allowed/);
      await fs.rm(file(`${folder}/0006_unknown.sql`));
    });

    it("killed in the middle go on where they were", async () => {
      const many = Array.from({ length: 40 }, (_, index) => `many_${index}`);
      await fs.mkdir(file("sql/many"), { recursive: true });
      for (const [index, name] of many.entries())
        await fs.writeFile(
          file(`sql/many/${index + 1}_${name}.sql`),
          table(name).replace("TABLE", "TABLE IF NOT EXISTS"),
        );
      const args = ["migrate", "dev", "--folder", "sql/many", "--engine", "athena"];
      const run = workspace.start(...args);
      const ended = new Promise((resolve) => run.once("exit", resolve));
      const store = file(".tributary/state/.tributary/migrations");
      const remembered = async () =>
        (await fs.readdir(store, { recursive: true })).filter((name) => /many_\d+\.sql\.json$/.test(name)).length;
      while ((await remembered()) < 3 && run.exitCode === null) await sleep(20);
      run.kill("SIGKILL");
      await ended;
      const before = await remembered();
      assert.ok(before >= 3 && before < 40, `${before} were run when the command was killed`);
      const rest = await workspace.json<Migrated>(args);
      assert.deepEqual([rest.before, rest.applied.length], [before, 40 - before]);
      const [row] = await query("select count(*) as n from many_39");
      assert.equal(Number(row?.n), 0);
    });

    it("are run again for a database that was made anew", async () => {
      await workspace.json(["destroy", "dev", "--empty", "--yes", "dev"]);
      await workspace.json(["deploy", "dev"]);
      const { applied, before } = await runStep<Migrated>(workspace, command);
      assert.deepEqual([applied.length, before], [5, 0]);
    });
  });
});
