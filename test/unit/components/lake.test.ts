import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { functionNames } from "../../../components/lake/functions";
import { lake, manifest } from "./support/lake";
import { account, inputsOf, ofType, type Registered, region, run } from "./support/mocks";

/* eslint-disable @typescript-eslint/no-explicit-any -- inputs and policies of all types */
const build = async (stack = "prod", ...rest: any[]) => run(() => lake(stack, ...rest).outputs, { stack });

describe("the lake", function () {
  // The first program loads all of Pulumi's AWS package.
  this.timeout(20_000);
  let resources: Registered[];
  let outputs: any;

  before(async () => ({ resources, outputs } = await build()));

  it("is built within two seconds of processor time", async () => {
    const before = process.cpuUsage();
    await build();
    const { user, system } = process.cpuUsage(before);
    assert.ok(user + system < 2_000_000, `${user + system} µs`);
  });

  it("holds exactly these resources", () => {
    const counts: Record<string, number> = {};
    for (const { type } of resources.filter((one) => one.type.startsWith("aws:")))
      counts[type] = (counts[type] ?? 0) + 1;
    assert.deepEqual(counts, {
      "aws:athena/workgroup:Workgroup": 1,
      // New objects, and executions that ended without outcomes.
      "aws:cloudwatch/eventRule:EventRule": 2,
      "aws:cloudwatch/eventTarget:EventTarget": 2,
      "aws:cloudwatch/logGroup:LogGroup": 20,
      "aws:dynamodb/table:Table": 11,
      // The dataset, its team, two stages, the configuration.
      "aws:dynamodb/tableItem:TableItem": 5,
      "aws:glue/catalogDatabase:CatalogDatabase": 1,
      "aws:glue/catalogTable:CatalogTable": 1,
      "aws:iam/role:Role": 21,
      "aws:iam/rolePolicy:RolePolicy": 21,
      "aws:kms/alias:Alias": 1,
      "aws:kms/key:Key": 1,
      "aws:lambda/alias:Alias": 17,
      "aws:lambda/eventSourceMapping:EventSourceMapping": 4,
      "aws:lambda/function:Function": 17,
      "aws:lambda/layerVersion:LayerVersion": 1,
      "aws:s3/bucket:Bucket": 4,
      "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": 4,
      "aws:s3/bucketNotification:BucketNotification": 1,
      "aws:s3/bucketObjectv2:BucketObjectv2": 18,
      "aws:s3/bucketOwnershipControls:BucketOwnershipControls": 4,
      "aws:s3/bucketPolicy:BucketPolicy": 4,
      "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": 4,
      "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": 4,
      "aws:s3/bucketVersioning:BucketVersioning": 4,
      // Reconciles all datasets.
      "aws:scheduler/schedule:Schedule": 1,
      "aws:sfn/stateMachine:StateMachine": 3,
      // Arrivals, the dataset's two stages, executions that ended without outcomes; each with its DLQ.
      "aws:sqs/queue:Queue": 8,
    });
  });

  it("tells its outputs", () => {
    const tables = [
      ...["artifactsTable", "configurationTable", "dataSchemasTable", "datasetsTable", "eventsTable"],
      ...["executionHistoryTable", "metricsTable", "objectMetadataTable", "pipelinesTable", "teamsTable"],
    ];
    const others = Object.keys(outputs).filter((name) => !tables.includes(name));
    assert.equal(others.length, Object.keys(outputs).length - tables.length);
    assert.deepEqual(others.sort(), [
      ...["account", "analyticsBucket", "arrivalsDlqUrl", "arrivalsQueueUrl", "backfillStateMachineArn", "database"],
      "datasets",
      ...["functions", "rawBucket", "region", "stageAStateMachineArn"],
      ...["stageBStateMachineArn", "stageBucket", "workgroup"],
    ]);
    assert.deepEqual(
      Object.keys(outputs.functions),
      functionNames.filter((name) => name !== "trigger"),
    );
    const queue = (name: string) => `https://sqs.example/tributary-prod-engineering-meteorites-${name}.fifo`;
    assert.deepEqual(outputs.datasets, {
      "engineering/meteorites": {
        table: "meteorites",
        stageAQueueUrl: queue("a"),
        stageADlqUrl: queue("a-dlq"),
        stageBQueueUrl: queue("b"),
        stageBDlqUrl: queue("b-dlq"),
      },
    });
    assert.equal(outputs.functions.routing, `arn:aws:lambda:${region}:${account}:function:tributary-prod-routing:live`);
  });

  it("has a folder of functions for each of its functions, and no other", () => {
    const root = path.join(__dirname, "../../..");
    for (const name of functionNames) assert.ok(readFileSync(path.join(root, "functions", name, "handler.ts")));
  });

  describe("names", () => {
    it("children after their parents", () => {
      for (const { name } of resources.filter((one) => one.type !== "pulumi:pulumi:Stack")) {
        assert.match(name, /^lake($|-)/);
      }
    });

    it("no two resources of a type alike", () => {
      const names = resources.map(({ type, name }) => `${type} ${name}`);
      assert.deepEqual(
        names.filter((name, index) => names.indexOf(name) !== index),
        [],
      );
    });

    it("its components by folder and class", () => {
      const tokens = new Set(resources.map(({ type }) => type).filter((type) => type.startsWith("tributary:")));
      const folders = "compute|datasets|engines|lake|stages|storage|triggers";
      for (const token of tokens) assert.match(token, new RegExp(`^tributary:(${folders}):[A-Z][A-Za-z]+$`));
    });
  });

  describe("wiring", () => {
    it("sends new raw objects, and only those, to the arrivals queue", () => {
      const { eventPattern, name } = inputsOf(resources, "aws:cloudwatch/eventRule:EventRule", "lake-arrivals-rule");
      assert.deepEqual(JSON.parse(eventPattern), {
        source: ["aws.s3"],
        "detail-type": ["Object Created"],
        detail: { bucket: { name: [`tributary-prod-raw-${account}-${region}`] } },
      });
      const target = inputsOf(resources, "aws:cloudwatch/eventTarget:EventTarget", "lake-arrivals-target");
      assert.equal(target.arn, `arn:aws:sqs:${region}:${account}:tributary-prod-arrivals`);
      const { policy } = inputsOf(resources, "aws:sqs/queue:Queue", "lake-arrivals-queue");
      const { Condition } = JSON.parse(policy).Statement[1];
      assert.equal(Condition.ArnEquals["aws:SourceArn"], `arn:aws:events:${region}:${account}:rule/${name}`);
    });

    it("lets routers take batches and answer which messages failed", () => {
      const mappings = ofType(resources, "aws:lambda/eventSourceMapping:EventSourceMapping");
      const found = mappings.map(({ inputs }) => [
        inputs.eventSourceArn.split(":").at(-1),
        inputs.functionName.split(":").slice(-2).join(":"),
        inputs.batchSize,
        inputs.maximumBatchingWindowInSeconds,
        inputs.functionResponseTypes,
      ]);
      const partial = ["ReportBatchItemFailures"];
      assert.deepEqual(found.sort(), [
        ["tributary-prod-arrivals", "tributary-prod-routing:live", 100, 1, partial],
        ["tributary-prod-engineering-meteorites-a.fifo", "tributary-prod-stage-a-routing:live", 10, undefined, partial],
        ["tributary-prod-engineering-meteorites-b.fifo", "tributary-prod-stage-b-routing:live", 10, undefined, partial],
        ["tributary-prod-stage-b-stopped", "tributary-prod-stage-b-error:live", 1, undefined, partial],
      ]);
    });

    it("sends executions of Stage B that ended without outcomes, and no others, to a queue of their own", () => {
      const { eventPattern, name } = inputsOf(
        resources,
        "aws:cloudwatch/eventRule:EventRule",
        "lake-stage-b-stopped-rule",
      );
      const machine = inputsOf(resources, "aws:sfn/stateMachine:StateMachine", "lake-stage-b-machine").name;
      assert.deepEqual(JSON.parse(eventPattern), {
        source: ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        detail: {
          stateMachineArn: [`arn:aws:states:${region}:${account}:stateMachine:${machine}`],
          status: ["ABORTED", "TIMED_OUT", "FAILED"],
        },
      });
      const target = inputsOf(resources, "aws:cloudwatch/eventTarget:EventTarget", "lake-stage-b-stopped-target");
      assert.equal(target.arn, `arn:aws:sqs:${region}:${account}:tributary-prod-stage-b-stopped`);
      const { policy, redrivePolicy } = inputsOf(resources, "aws:sqs/queue:Queue", "lake-stage-b-stopped-queue");
      const allows = JSON.parse(policy).Statement.filter(({ Effect }: any) => Effect === "Allow");
      assert.equal(allows.length, 1);
      assert.deepEqual(allows[0].Principal, { Service: "events.amazonaws.com" });
      assert.equal(allows[0].Condition.ArnEquals["aws:SourceArn"], `arn:aws:events:${region}:${account}:rule/${name}`);
      assert.match(JSON.parse(redrivePolicy).deadLetterTargetArn, /:tributary-prod-stage-b-stopped-dlq$/);
    });

    it("takes one message at a time when told so", async () => {
      const made = await build("prod", { batchSize: 1 });
      const mappings = ofType(made.resources, "aws:lambda/eventSourceMapping:EventSourceMapping");
      assert.deepEqual(
        mappings.map(({ inputs }) => inputs.batchSize),
        [1, 1, 1, 1],
      );
    });

    it("keeps messages hidden longer than their function runs", () => {
      for (const { inputs } of ofType(resources, "aws:lambda/eventSourceMapping:EventSourceMapping")) {
        const queues = ofType(resources, "aws:sqs/queue:Queue").map((queue) => queue.inputs);
        const queue = queues.find(({ name }) => inputs.eventSourceArn.endsWith(`:${name}`))!;
        const functions = ofType(resources, "aws:lambda/function:Function").map((fn) => fn.inputs);
        const consumer = functions.find(({ name }) => inputs.functionName.includes(`:${name}:`))!;
        assert.ok(queue.visibilityTimeoutSeconds > consumer.timeout);
      }
    });

    it("gives functions the environment of the contract", () => {
      const variables = (name: string) =>
        inputsOf(resources, "aws:lambda/function:Function", `lake-${name}-function`).environment.variables;
      assert.deepEqual(variables("stage-a-process-object"), {
        DATASETS_TABLE: "tributary-prod-datasets",
        DATA_SCHEMAS_TABLE: "tributary-prod-data-schemas",
        EVENTS_TABLE: "tributary-prod-events",
        RAW_BUCKET: `tributary-prod-raw-${account}-${region}`,
        STAGE_BUCKET: `tributary-prod-stage-${account}-${region}`,
        POWERTOOLS_SERVICE_NAME: "stage-a-process-object",
        POWERTOOLS_LOG_LEVEL: "INFO",
        MAX_ATTEMPTS: "3",
        MAX_RECEIVE_COUNT: "10",
        HISTORY_DAYS: "365",
        EVENTS_DAYS: "365",
        METRICS_DAYS: "730",
      });
      const machine = inputsOf(resources, "aws:sfn/stateMachine:StateMachine", "lake-stage-a-machine").name;
      const arn = variables("stage-a-routing").STAGE_A_STATE_MACHINE_ARN;
      assert.equal(arn, `arn:aws:states:${region}:${account}:stateMachine:${machine}`);
    });

    it("registers the dataset with its manifest and its queues", () => {
      const { item, hashKey, rangeKey } = inputsOf(
        resources,
        "aws:dynamodb/tableItem:TableItem",
        "lake-engineering-meteorites-item",
      );
      const { team, dataset, manifest: text, table, pipeline, ...urls } = JSON.parse(item);
      assert.equal(pipeline.S, "standard");
      assert.deepEqual(
        [hashKey, rangeKey, team.S, dataset.S, table.S],
        ["team", "dataset", "engineering", "meteorites", "meteorites"],
      );
      assert.deepEqual(JSON.parse(text.S), manifest);
      assert.deepEqual(Object.keys(urls).sort(), ["stageADlqUrl", "stageAQueueUrl", "stageBDlqUrl", "stageBQueueUrl"]);
    });

    it("declares the table over the dataset's files, partition columns apart", () => {
      const table = inputsOf(resources, "aws:glue/catalogTable:CatalogTable");
      assert.deepEqual(table.partitionKeys, [{ name: "fall", type: "string" }]);
      assert.deepEqual(table.storageDescriptor.columns, [{ name: "id", type: "int", comment: "NASA's number" }]);
      assert.equal(
        table.storageDescriptor.location,
        `s3://tributary-prod-stage-${account}-${region}/post/engineering/meteorites/`,
      );
    });

    it("runs stage A as Express and stage B as Standard, traced, logged without data", () => {
      const machines = ofType(resources, "aws:sfn/stateMachine:StateMachine").map(({ inputs }) => inputs);
      const found = machines.map(({ name, type, loggingConfiguration, tracingConfiguration }) => [
        name,
        type,
        loggingConfiguration.level,
        loggingConfiguration.includeExecutionData,
        tracingConfiguration.enabled,
      ]);
      assert.deepEqual(found.sort(), [
        ["tributary-prod-backfills", "STANDARD", "ERROR", false, true],
        ["tributary-prod-stage-a", "EXPRESS", "ALL", false, true],
        ["tributary-prod-stage-b", "STANDARD", "ERROR", false, true],
      ]);
      for (const { name, loggingConfiguration } of machines) {
        assert.match(loggingConfiguration.logDestination, new RegExp(`:/aws/vendedlogs/states/${name}:\\*$`));
      }
    });

    it("makes queries use its workgroup's settings", () => {
      const { configuration, forceDestroy } = inputsOf(resources, "aws:athena/workgroup:Workgroup");
      assert.equal(configuration.enforceWorkgroupConfiguration, true);
      assert.equal(configuration.bytesScannedCutoffPerQuery, 1_099_511_627_776);
      const { outputLocation, encryptionConfiguration } = configuration.resultConfiguration;
      assert.equal(outputLocation, `s3://tributary-prod-analytics-${account}-${region}/athena/`);
      assert.equal(encryptionConfiguration.encryptionOption, "SSE_KMS");
      assert.match(encryptionConfiguration.kmsKeyArn, /key\/lake-data-key$/);
      assert.equal(forceDestroy, false);
    });
  });

  describe("datasets", () => {
    const other = { ...manifest, team: "research", dataset: "stars", table: "stars", partitionBy: [] };

    it("have queues and a table each", async () => {
      const made = await build("prod", {}, [manifest, other]);
      assert.equal(ofType(made.resources, "aws:sqs/queue:Queue").length, 12);
      assert.equal(ofType(made.resources, "aws:lambda/eventSourceMapping:EventSourceMapping").length, 6);
      assert.equal(ofType(made.resources, "aws:glue/catalogTable:CatalogTable").length, 2);
    });

    it("may be none", async () => {
      const made = await build("prod", {}, []);
      assert.deepEqual((made.outputs as any).datasets, {});
    });
  });

  describe("code", () => {
    it("can be images, by their digest, which the functions can tell", async () => {
      const digest = `sha256:${"a".repeat(64)}`;
      const images = Object.fromEntries(functionNames.map((name) => [name, `repo@${digest}`]));
      const made = await run(() => lake("prod", {}, [manifest], { images }).outputs, { stack: "prod" });
      for (const { inputs } of ofType(made.resources, "aws:lambda/function:Function")) {
        assert.deepEqual([inputs.packageType, inputs.imageUri], ["Image", `repo@${digest}`]);
        assert.equal(inputs.environment.variables.IMAGE_DIGEST, digest);
        assert.equal(inputs.layers, undefined);
      }
      // A function that no dataset wants runs none.
      const { trigger, ...running } = images;
      assert.ok(trigger);
      assert.deepEqual((made.outputs as any).images, running);
      const archives = ["aws:s3/bucketObjectv2:BucketObjectv2", "aws:lambda/layerVersion:LayerVersion"];
      assert.deepEqual(
        archives.flatMap((type) => ofType(made.resources, type)),
        [],
      );
      assert.equal(ofType(made.resources, "aws:s3/bucket:Bucket").length, 3);
    });

    it("that is not there for a function is told by its name", async () => {
      const { routing: _, ...images } = Object.fromEntries(functionNames.map((name) => [name, "repo@sha256:1"]));
      await assert.rejects(
        run(() => lake("prod", {}, [manifest], { images }).outputs),
        { code: "FunctionWithoutImage", message: /^function routing has no image$/ },
      );
    });
  });
});
