import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { unscopable } from "../../../components/iam";
import { functionNames } from "../../../components/lake/functions";
import { taggable } from "../../../components/tags";
import { lake, manifest } from "./support/lake";
import { account, inputsOf, ofType, only, type Registered, region, run } from "./support/mocks";

/* eslint-disable @typescript-eslint/no-explicit-any -- inputs and policies of all types */
const build = async (stack = "prod", ...rest: any[]) => run(() => lake(stack, ...rest).outputs, { stack });

/** Resource types of the lake without tags, although AWS could tag them, with the reason. */
const untagged: Record<string, string> = {
  "aws:s3/bucketObjectv2:BucketObjectv2": "an object is part of its bucket, and S3 allows ten tags only",
};

describe("the lake's rules", function () {
  // The first program loads all of Pulumi's AWS package.
  this.timeout(20_000);
  let resources: Registered[];

  // All that a dataset may ask for.
  const triggers = { events: true, schedule: "rate(1 hour)", http: true };

  before(async () => ({ resources } = await build("prod", {}, [{ ...manifest, triggers }])));

  describe("tags", () => {
    it("every resource that can be tagged", () => {
      const own = { project: "tributary", env: "prod", stack: "prod" };
      for (const { type, name, inputs } of resources) {
        const family = /meteorites-([ab])-(queue|dlq)$/.exec(name);
        const tags = family && {
          "queue-family": `tributary/prod/stage-${family[1]}${family[2] === "dlq" ? "-dlq" : ""}`,
        };
        if (taggable.has(type)) assert.deepEqual(inputs.tags, { ...own, ...tags }, name);
        else assert.equal(inputs.tags, undefined, name);
      }
    });

    it("with those of the settings, which cannot replace its own", async () => {
      const made = await build("prod", { tags: { owner: "data", env: "else" } });
      const { tags } = inputsOf(made.resources, "aws:kms/key:Key");
      assert.deepEqual(tags, { owner: "data", project: "tributary", env: "prod", stack: "prod" });
    });

    it("exactly the types that the AWS provider gives tags", () => {
      const types = new Set(resources.map(({ type }) => type).filter((type) => type.startsWith("aws:")));
      for (const type of types) {
        const [, module = "", name = ""] = /^aws:(.+):([^:]+)$/.exec(type) ?? [];
        const file = path.join(path.dirname(require.resolve("@pulumi/aws/package.json")), `${module}.d.ts`);
        const args = readFileSync(file, "utf8").split(`export interface ${name}Args`)[1] ?? "";
        assert.notEqual(args, "", `no arguments of ${type} in ${module}.d.ts`);
        const can = /^ {4}tags\?:/m.test(args);
        assert.equal(taggable.has(type) || type in untagged, can, type);
      }
    });
  });

  describe("permissions", () => {
    const policies = () => ofType(resources, "aws:iam/rolePolicy:RolePolicy");
    const statements = (name: string) =>
      JSON.parse(only(policies(), policies()[0]!.type, name).inputs.policy).Statement;

    it("name actions in full, and resources where the service can tell them apart", () => {
      for (const { name, inputs } of policies()) {
        for (const { Effect, Action, Resource } of JSON.parse(inputs.policy).Statement) {
          assert.equal(Effect, "Allow");
          for (const action of Action) assert.match(action, /^[a-z0-9]+:[A-Za-z]+$/, name);
          if (Resource.includes("*")) {
            assert.deepEqual(Resource, ["*"]);
            for (const action of Action) assert.ok(unscopable.has(action), `${name}: ${action} on *`);
          }
        }
      }
    });

    it("end resources in a wildcard only for what is the lake's own: keys, log streams, tables of its database, its tagged queues", () => {
      const wild = policies()
        .flatMap(({ inputs }) => JSON.parse(inputs.policy).Statement)
        .flatMap(({ Resource, Condition }: any) => Resource.map((resource: string) => ({ resource, Condition })))
        .filter(({ resource }) => resource.includes("*") && resource !== "*");
      assert.ok(wild.length > 0);
      for (const { resource, Condition } of wild) {
        if (resource.startsWith("arn:aws:sqs:")) {
          assert.equal(resource, `arn:aws:sqs:${region}:${account}:tributary-prod-*`);
          assert.match(Condition.StringEquals["aws:ResourceTag/queue-family"], /^tributary\/prod\/stage-[ab](-dlq)?$/);
          continue;
        }
        assert.match(
          resource,
          /^arn:aws:(s3:::[a-z0-9-]+\/([a-z]+\/)?\*|logs:[^*]+:log-group:[^*]+:\*|states:[^*]+:execution:tributary-prod-(backfills|stage-b):\*|glue:[^*]+:table\/tributary_prod_[a-z_]+\/\*)$/,
        );
      }
    });

    it("let nobody tag queues, because a tag decides who may use them", () => {
      for (const { name, inputs } of policies()) assert.doesNotMatch(inputs.policy, /sqs:(Unt|T)agQueue/, name);
    });

    it("fit into IAM's limits", () => {
      assert.equal(policies().length, 23);
      for (const { inputs } of policies()) assert.ok(inputs.policy.length <= 10_240);
    });

    it("use the key only through the service that keeps the data", () => {
      for (const { name, inputs } of policies()) {
        for (const { Action, Condition } of JSON.parse(inputs.policy).Statement) {
          if (!Action[0].startsWith("kms:")) continue;
          assert.match(Condition.StringEquals["kms:ViaService"], /^(s3|dynamodb)\.eu-west-1\.amazonaws\.com$/, name);
        }
      }
    });

    it("let each machine invoke its stage's functions by their alias, and nothing else", () => {
      for (const [stage, count] of Object.entries({ "stage-a": 4, "stage-b": 5 })) {
        const found = statements(`lake-${stage}-policy`).find((one: any) => one.Action[0].startsWith("lambda:"));
        assert.equal(found.Resource.length, count);
        for (const resource of found.Resource)
          assert.match(resource, new RegExp(`:function:tributary-prod-${stage}-[a-z-]+:live$`));
      }
    });

    /** What a function may do with a service's resources: action -> last parts of the ARNs, or the family of the queues. */
    function allowed(name: string, service: string): Record<string, string[]> {
      const found: Record<string, string[]> = {};
      for (const { Action, Resource, Condition } of statements(`lake-${name}-policy`)) {
        const family = Condition?.StringEquals?.["aws:ResourceTag/queue-family"];
        for (const action of Action.filter((one: string) => one.startsWith(`${service}:`))) {
          const tails = family ? [family] : Resource.map((arn: string) => arn.split(/:::|[:]/).at(-1)!);
          found[action] = [...(found[action] ?? []), ...tails].sort();
        }
      }
      return found;
    }

    it("keep raw data from everybody but the functions that read it, or look whether it is there", () => {
      const readers = functionNames.filter((name) => JSON.stringify(allowed(name, "s3")).includes("-raw-"));
      assert.deepEqual(readers, ["stage-a-process-object", "backfill", "reconcile"]);
      const raw = `tributary-prod-raw-${account}-${region}`;
      const stage = `tributary-prod-stage-${account}-${region}`;
      assert.deepEqual(allowed("stage-a-process-object", "s3"), {
        "s3:GetObject": [`${raw}/*`],
        "s3:GetObjectVersion": [`${raw}/*`],
        "s3:ListBucket": [raw],
        "s3:AbortMultipartUpload": [`${stage}/pre/*`],
        "s3:PutObject": [`${stage}/pre/*`],
      });
    });

    it("let only Stage B write and delete the tables' files", () => {
      const writers = functionNames.filter((name) => {
        const s3 = allowed(name, "s3");
        return [...(s3["s3:PutObject"] ?? []), ...(s3["s3:DeleteObject"] ?? [])].some((one) => one.includes("/post/"));
      });
      assert.deepEqual(writers, [
        "stage-b-process-data",
        "stage-b-postupdate-metadata",
        "stage-b-error",
        // Deletes files that no version names.
        "reconcile",
      ]);
    });

    it("let queues be used in the direction of the flow", () => {
      const sends = (name: string) => allowed(name, "sqs")["sqs:SendMessage"] ?? [];
      const takes = (name: string) => allowed(name, "sqs")["sqs:ReceiveMessage"] ?? [];
      const queue = (name: string) => `tributary-prod-${name}`;
      const data = (name: string) => `tributary/prod/stage-${name}`;
      const flow: Record<string, [string[], string[]]> = {
        routing: [[queue("arrivals")], [queue("arrivals-dlq"), data("a")]],
        redrive: [[queue("arrivals-dlq")], [queue("arrivals"), queue("arrivals-dlq")]],
        "stage-a-routing": [[data("a")], []],
        "stage-a-redrive": [[data("a-dlq")], [data("a"), data("a-dlq")]],
        "stage-a-postupdate-metadata": [[], [data("b")]],
        "stage-a-error": [[], [data("a-dlq")]],
        "stage-b-routing": [[data("b")], []],
        "stage-b-redrive": [[data("b-dlq")], [data("b"), data("b-dlq")]],
        reconcile: [[], [queue("arrivals"), data("a")]],
        backfill: [[], [queue("arrivals")]],
        "stage-b-error": [[queue("stage-b-stopped")], [data("b-dlq")]],
      };
      for (const name of functionNames) assert.deepEqual([takes(name), sends(name)], flow[name] ?? [[], []], name);
    });

    it("let who asks what became of a batch ask about Stage B's executions alone", () => {
      for (const name of ["stage-b-error", "reconcile"]) {
        const asks = statements(`lake-${name}-policy`).find((one: any) =>
          one.Action.includes("states:DescribeExecution"),
        );
        assert.deepEqual(asks.Resource, [`arn:aws:states:${region}:${account}:execution:tributary-prod-stage-b:*`]);
      }
    });

    it("let routers start their own stage, in its own way", () => {
      const machine = (stage: string) => `tributary-prod-${stage}`;
      const starts = functionNames.flatMap((name) =>
        Object.entries(allowed(name, "states")).map((one) => [name, ...one]),
      );
      assert.deepEqual(starts, [
        ["stage-a-routing", "states:StartSyncExecution", [machine("stage-a")]],
        ["stage-b-routing", "states:StartExecution", [machine("stage-b")]],
        // What became of a batch.
        ["stage-b-error", "states:DescribeExecution", ["*"]],
        ["reconcile", "states:DescribeExecution", ["*"]],
        ["trigger", "states:DescribeExecution", ["*"]],
        ["trigger", "states:StartExecution", [machine("backfills")]],
      ]);
    });

    it("let the catalogue be changed by one function, its partitions only", () => {
      const crawlers = functionNames.filter((name) => Object.keys(allowed(name, "glue")).length > 0);
      assert.deepEqual(crawlers, ["stage-b-crawl-data"]);
      assert.deepEqual(allowed("stage-b-crawl-data", "glue"), {
        "glue:GetTable": ["catalog", "database/tributary_prod_lake", "table/tributary_prod_lake/*"],
        "glue:BatchCreatePartition": ["catalog", "database/tributary_prod_lake", "table/tributary_prod_lake/*"],
      });
    });
  });

  describe("safety", () => {
    it("encrypts every log group with the lake's key and ends its entries", () => {
      for (const { name, inputs } of ofType(resources, "aws:cloudwatch/logGroup:LogGroup")) {
        assert.equal(inputs.retentionInDays, 365, name);
        assert.match(inputs.kmsKeyId, /key\/lake-data-key$/, name);
      }
    });

    it("protects prod's data and lets throw-away environments go", async () => {
      const protection = (made: Registered[]) => [
        ...new Set(ofType(made, "aws:dynamodb/table:Table").map(({ inputs }) => inputs.deletionProtectionEnabled)),
        inputsOf(made, "aws:s3/bucket:Bucket", "lake-raw-bucket").forceDestroy,
      ];
      assert.deepEqual(protection(resources), [true, false]);
      assert.deepEqual(protection((await build("local", {}, [{ ...manifest, triggers }])).resources), [false, true]);
    });

    it("leaves out locally what the local AWS lacks, and nothing of security", async () => {
      const local = (await build("local", {}, [{ ...manifest, triggers }])).resources;
      const missing = new Set(resources.map(({ type }) => type));
      for (const { type } of local) missing.delete(type);
      assert.deepEqual([...missing], ["aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"]);
    });
  });
});
