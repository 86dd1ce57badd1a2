import assert from "node:assert/strict";
import type { Settings } from "../../../automation/settings";
import { replacementWarning, withAvailable } from "../../../components/engines/available";
import { unscopable } from "../../../components/iam";
import { SCRIPT } from "../../../components/engines/GlueJob";
import type { Manifest } from "../../../layer/manifest-schema";
import { lake, manifest, settingsOf } from "./support/lake";
import { account, inputsOf, ofType, type Registered, region, run } from "./support/mocks";

const settings = settingsOf("prod").engines;
const named = (dataset: string, change: Partial<Manifest>): Manifest => ({
  ...{ ...manifest, dataset, table: dataset },
  ...change,
});
const build = async (manifests: Manifest[], change: Partial<Settings> = {}): Promise<Registered[]> =>
  (await run(() => void lake("prod", change, manifests), { stack: "prod" })).resources;
const policy = (resources: Registered[], name: string): { Action: string[]; Resource: string[] }[] =>
  JSON.parse(inputsOf(resources, "aws:iam/rolePolicy:RolePolicy", `lake-${name}-policy`).policy).Statement;
const stageB = (resources: Registered[]) =>
  JSON.parse(inputsOf(resources, "aws:sfn/stateMachine:StateMachine", "lake-stage-b-machine").definition);
const actions = (statements: { Action: string[] }[]) => new Set(statements.flatMap(({ Action }) => Action));

const engineTypes = [
  "aws:glue/job:Job",
  "aws:glue/crawler:Crawler",
  "aws:glue/securityConfiguration:SecurityConfiguration",
];

describe("engines of a lake", function () {
  this.timeout(20_000);
  const spark = named("spark", { engine: "glue" });
  const iceberg = named("ice", { engine: "glue", output: { ...manifest.output, format: "iceberg" }, partitionBy: [] });
  const crawled = named("crawled", { engine: "athena", catalogue: { crawler: true } });
  const queries = { newest: "-- The newest rows\nSELECT * FROM meteorites" };
  const all = [{ ...manifest, queries }, spark, iceberg, named("sql", { engine: "athena" }), crawled];
  let resources: Registered[];
  before(async () => {
    const engines = { ...settings, duckdbLimit: "1 GB", glue: { ...settings.glue, workers: 7 } } as const;
    resources = await build(all, { engines });
  });

  it("are none where every dataset is DuckDB's", async () => {
    const plain = await build([manifest]);
    assert.deepEqual(
      engineTypes.flatMap((type) => ofType(plain, type)),
      [],
    );
    assert.equal(ofType(plain, "aws:glue/catalogDatabase:CatalogDatabase").length, 1);
    assert.ok(!("Engine" in stageB(plain).States));
    for (const action of actions(policy(plain, "stage-b"))) assert.match(action, /^(lambda|logs|xray):/);
  });

  describe("glue", () => {
    it("is one job for all datasets: encrypted, without bookmarks, with a timeout and workers from the settings", () => {
      const job = inputsOf(resources, "aws:glue/job:Job");
      assert.equal(job.name, "tributary-prod-transform");
      assert.equal(job.glueVersion, "5.0");
      assert.deepEqual([job.workerType, job.numberOfWorkers, job.timeout, job.maxRetries], ["G.1X", 7, 120, 0]);
      assert.deepEqual(job.executionProperty, { maxConcurrentRuns: 5 });
      assert.equal(job.defaultArguments["--job-bookmark-option"], "job-bookmark-disable");
      assert.match(
        job.command.scriptLocation,
        /^s3:\/\/tributary-prod-stage-.*\/code\/glue\/transform-[0-9a-f]{12}\.py$/,
      );
      const security = inputsOf(resources, "aws:glue/securityConfiguration:SecurityConfiguration");
      assert.equal(job.securityConfiguration, security.name);
      const { cloudwatchEncryption, s3Encryption } = security.encryptionConfiguration;
      assert.equal(s3Encryption.s3EncryptionMode, "SSE-KMS");
      assert.match(cloudwatchEncryption.kmsKeyArn, /key\/lake-data-key$/);
    });

    it("runs the script of the layer", () => {
      assert.match(SCRIPT, /layer\/engines\/glue\/transform\.py$/);
    });

    it("is started by the machine, which may start no other job", () => {
      const { States } = stageB(resources);
      assert.equal(States.RunJob.Arguments.JobName, "tributary-prod-transform");
      const start = policy(resources, "stage-b").find(({ Action }) => Action.includes("glue:StartJobRun"));
      assert.deepEqual(start?.Resource, [`arn:aws:glue:${region}:${account}:job/tributary-prod-transform`]);
    });

    it("reads Stage A's files, writes what is to be collected, and touches no table's files", () => {
      const statements = policy(resources, "engines-glue");
      const writes = statements
        .filter(({ Action }) => Action.includes("s3:PutObject"))
        .flatMap(({ Resource }) => Resource);
      assert.deepEqual(
        writes.map((arn) => arn.slice(arn.indexOf("/") + 1)),
        ["engines/*", "iceberg/*"],
      );
    });
  });

  describe("athena", () => {
    it("reads the CSV of one object from a table in a database of its own", () => {
      const table = inputsOf(
        resources,
        "aws:glue/catalogTable:CatalogTable",
        "lake-engines-athena-engineering-sql-table",
      );
      assert.equal(table.databaseName, "tributary_prod_input");
      assert.equal(table.parameters["projection._object.type"], "injected");
      const bucket = `tributary-prod-stage-${account}-${region}`;
      assert.equal(
        table.parameters["storage.location.template"],
        `s3://${bucket}/engines/engineering/sql/in/\${_object}/`,
      );
      assert.deepEqual(table.storageDescriptor.columns, [{ name: "id", type: "string" }]);
      assert.deepEqual(table.partitionKeys, [{ name: "_object", type: "string" }]);
    });

    it("works in the lake's workgroup with the machine's rights, which write no table's files", () => {
      const { Arguments } = stageB(resources).States.Athena.ItemProcessor.States.RunQuery;
      assert.equal(Arguments.WorkGroup, "tributary-prod-lake");
      const statements = policy(resources, "stage-b");
      const start = statements.find(({ Action }) => Action.includes("athena:StartQueryExecution"));
      assert.deepEqual(start?.Resource, [`arn:aws:athena:${region}:${account}:workgroup/tributary-prod-lake`]);
      const writes = statements
        .filter(({ Action }) => Action.includes("s3:PutObject"))
        .flatMap(({ Resource }) => Resource);
      assert.ok(writes.length > 0);
      for (const arn of writes) assert.match(arn, /\/(engines|iceberg|athena)\/\*$/);
    });

    it("gives files their final names by the function, not by the machine", () => {
      const statements = policy(resources, "stage-b-check-job");
      const writes = statements
        .filter(({ Action }) => Action.includes("s3:PutObject"))
        .flatMap(({ Resource }) => Resource);
      assert.ok(writes.some((arn) => arn.endsWith("/post/*")));
      assert.ok(actions(statements).has("athena:GetQueryResults"));
    });
  });

  it("remove stale rows of Iceberg tables by Athena, also where Glue writes them", async () => {
    const made = await build([iceberg]);
    const { RemoveStale, Athena } = stageB(made).States;
    assert.deepEqual([RemoveStale.Arguments.WorkGroup, Athena], ["tributary-prod-lake", undefined]);
    const statements = policy(made, "stage-b");
    const on = (action: string) =>
      statements
        .filter(({ Action }) => Action.includes(action))
        .flatMap(({ Resource }) => Resource.map((arn) => arn.slice(arn.indexOf("/") + 1)))
        .sort();
    assert.deepEqual(on("athena:StartQueryExecution"), ["tributary-prod-lake"]);
    assert.deepEqual(on("s3:PutObject"), ["athena/*", "iceberg/*"]);
    assert.deepEqual(on("s3:DeleteObject"), ["iceberg/*"]);
    assert.ok(!("RemoveStale" in stageB(await build([spark])).States));
  });

  it("are all of them in the machine of a lake that uses all", () => {
    const { States, StartAt } = stageB(resources);
    assert.equal(StartAt, "Engine");
    assert.ok("RunJob" in States && "Athena" in States && "ProcessData" in States);
  });

  it("tell their sizes and workers to the functions", () => {
    const variables = (name: string) =>
      inputsOf(resources, "aws:lambda/function:Function", `lake-${name}-function`).environment.variables;
    assert.equal(variables("stage-b-routing").DUCKDB_LIMIT, String(1024 ** 3));
    assert.equal(variables("stage-b-routing").ATHENA_LIMIT, String(4 * 1024 ** 3));
    assert.equal(variables("stage-b-check-job").GLUE_WORKERS, "7");
    assert.equal(variables("stage-b-check-job").INPUT_DATABASE_NAME, "tributary_prod_input");
  });

  it("that an environment lacks are replaced by DuckDB and Parquet files, and it is said which datasets that is", () => {
    const { manifests, replaced } = withAvailable([manifest, spark, iceberg], ["duckdb"]);
    assert.deepEqual(
      manifests.map(({ engine, glue, output }) => [engine, glue, output.format]),
      Array.from({ length: 3 }, () => ["duckdb", {}, "parquet"]),
    );
    assert.equal(manifests[0], manifest);
    const warning = replacementWarning(replaced) ?? "";
    assert.match(warning, /for engineering\/spark \(engine glue\), engineering\/ice \(engine glue and Iceberg\);/);
  });

  it("that an environment has are left as they are, without a word", () => {
    const { manifests, replaced } = withAvailable([spark, iceberg], ["duckdb", "glue"]);
    assert.deepEqual(manifests, [spark, iceberg]);
    assert.equal(replacementWarning(replaced), undefined);
    const many = Array.from({ length: 8 }, (_, index) => named(`n${index}`, { engine: "auto" }));
    assert.match(replacementWarning(withAvailable(many, ["duckdb"]).replaced) ?? "", /n4 \(engine auto\) and 3 more;/);
  });

  it("have no wildcard in an action, and nothing on every resource that could be limited", () => {
    const statements = ofType(resources, "aws:iam/rolePolicy:RolePolicy").flatMap(
      ({ inputs }) => JSON.parse(inputs.policy).Statement as { Action: string[]; Resource: string[] }[],
    );
    for (const { Action, Resource } of statements) {
      for (const action of Action) assert.doesNotMatch(action, /\*/);
      if (Resource.includes("*")) for (const action of Action) assert.ok(unscopable.has(action), action);
    }
  });

  it("make an Iceberg table where the manifest says so", () => {
    const table = inputsOf(resources, "aws:glue/catalogTable:CatalogTable", "lake-engineering-ice-table");
    assert.deepEqual(table.openTableFormatInput, { icebergInput: { metadataOperation: "CREATE", version: "2" } });
    assert.match(table.storageDescriptor.location, /\/iceberg\/engineering\/ice$/);
    assert.deepEqual(
      table.storageDescriptor.columns.map(({ name }: { name: string }) => name),
      ["id", "fall", "_key_id", "_version", "_sequencer"],
    );
    assert.equal(table.partitionKeys, undefined);
  });

  it("crawl the tables of datasets that ask for it, and no others", () => {
    const crawler = inputsOf(resources, "aws:glue/crawler:Crawler");
    assert.equal(crawler.name, "tributary-prod-engineering-crawled");
    assert.deepEqual(crawler.catalogTargets, [{ databaseName: "tributary_prod_lake", tables: ["crawled"] }]);
    assert.deepEqual(crawler.schemaChangePolicy, { deleteBehavior: "LOG", updateBehavior: "LOG" });
    const items = ofType(resources, "aws:dynamodb/tableItem:TableItem").map(({ inputs }) => JSON.parse(inputs.item));
    const crawlers = items.filter(({ manifest: text }) => text).map(({ crawler: name }) => name?.S);
    assert.deepEqual(
      crawlers.filter((name) => name !== undefined),
      ["tributary-prod-engineering-crawled"],
    );
    const start = policy(resources, "stage-b-crawl-data").find(({ Action }) => Action.includes("glue:StartCrawler"));
    assert.deepEqual(start?.Resource, [`arn:aws:glue:${region}:${account}:crawler/tributary-prod-*`]);
  });

  it("come with the dataset's named queries in the lake's workgroup", () => {
    const query = inputsOf(resources, "aws:athena/namedQuery:NamedQuery");
    assert.equal(query.name, "engineering/meteorites/newest");
    assert.equal(query.description, "The newest rows");
    assert.deepEqual([query.database, query.workgroup], ["tributary_prod_lake", "tributary-prod-lake"]);
    const [item] = ofType(resources, "aws:dynamodb/tableItem:TableItem").filter(({ name }) =>
      name.includes("meteorites"),
    );
    assert.ok(!item?.inputs.item.includes("newest"));
  });
});
