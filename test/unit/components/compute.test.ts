import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { CodeStore } from "../../../components/compute/CodeStore";
import { CommonLayer } from "../../../components/compute/CommonLayer";
import { ContainerFunction, type ContainerFunctionArgs } from "../../../components/compute/ContainerFunction";
import { logRetentionDays } from "../../../components/compute/EncryptedLogGroup";
import { ServiceRole } from "../../../components/compute/ServiceRole";
import { renderPolicy } from "../../../components/iam";
import { CustomerKey } from "../../../components/storage/CustomerKey";
import { scopeOf } from "./support/lake";
import { account, inputsOf, ofType, region, run } from "./support/mocks";

const scope = scopeOf();
const image = `${account}.dkr.ecr.${region}.amazonaws.com/tributary@sha256:${"0".repeat(64)}`;
const lambda = "aws:lambda/function:Function";
const functionArn = `arn:aws:lambda:${region}:${account}:function:tributary-dev-work:live`;
const logArn = `arn:aws:logs:${region}:${account}:log-group:/aws/lambda/tributary-dev-work`;

function make(args: Partial<ContainerFunctionArgs> = {}): ContainerFunction {
  const key = new CustomerKey("key", { scope, what: "lake" });
  return new ContainerFunction("work", { scope, what: "work", package: { image }, logs: { key }, ...args });
}

function archived(args: Partial<ContainerFunctionArgs> = {}): ContainerFunction {
  const key = new CustomerKey("key", { scope, what: "lake" });
  const store = new CodeStore("code", { scope, key });
  const layer = new CommonLayer("layer", { scope, store, directory: __dirname });
  return make({ ...args, package: { archive: __dirname, store, layers: [layer.arn] }, logs: { key } });
}

describe("ContainerFunction", () => {
  it("runs an image by its digest behind the alias live", async () => {
    const { resources } = await run(() => make());
    const made = inputsOf(resources, lambda);
    assert.deepEqual([made.packageType, made.imageUri, made.publish], ["Image", image, true]);
    assert.equal(made.runtime, undefined);
    const alias = inputsOf(resources, "aws:lambda/alias:Alias");
    assert.deepEqual([alias.name, alias.functionName, alias.functionVersion], ["live", "tributary-dev-work", "1"]);
  });

  for (const tagged of ["repo:latest", "repo", "repo@sha256:abc", `${image} `, "", "repo:tag@sha1:0"]) {
    it(`refuses the image ${JSON.stringify(tagged)}`, async () => {
      await assert.rejects(
        run(() => make({ package: { image: tagged } })),
        { code: "ImageWithoutDigest", source: "user" },
      );
    });
  }

  it("runs an archive from its store, in the version that was uploaded, with the layer", async () => {
    const { resources } = await run(() => archived());
    const made = inputsOf(resources, lambda);
    const bucket = `tributary-dev-code-${account}-${region}`;
    assert.deepEqual(
      [made.packageType, made.runtime, made.handler, made.s3Bucket, made.s3Key, made.s3ObjectVersion],
      ["Zip", "nodejs22.x", "handler.handler", bucket, "functions/work.zip", "work-code-version"],
    );
    const layer = inputsOf(resources, "aws:lambda/layerVersion:LayerVersion");
    assert.deepEqual([layer.s3Key, layer.s3ObjectVersion], ["layers/common.zip", "layer-code-version"]);
    assert.equal(made.layers.length, 1);
    assert.equal(ofType(resources, "aws:s3/bucketObjectv2:BucketObjectv2").length, 2);
  });

  it("has safe defaults", async () => {
    const { resources } = await run(() => make());
    const made = inputsOf(resources, lambda);
    assert.deepEqual(
      [made.timeout, made.memorySize, made.ephemeralStorage.size, made.architectures, made.tracingConfig.mode],
      [30, 256, 512, ["x86_64"], "Active"],
    );
    assert.equal(made.reservedConcurrentExecutions, undefined);
  });

  it("takes its size, environment and concurrency, zero included", async () => {
    const { resources } = await run(() =>
      make({
        timeout: "15 minutes",
        memory: "2 GB",
        tmp: "10 GB",
        architecture: "arm64",
        tracing: false,
        reservedConcurrency: 0,
        environment: { NAME: pulumi.output("value") },
      }),
    );
    const made = inputsOf(resources, lambda);
    assert.deepEqual(
      [made.timeout, made.memorySize, made.ephemeralStorage.size, made.architectures, made.tracingConfig.mode],
      [900, 2_048, 10_240, ["arm64"], "PassThrough"],
    );
    assert.equal(made.reservedConcurrentExecutions, 0);
    assert.deepEqual(made.environment.variables, { NAME: "value" });
  });

  it("keeps its log encrypted and for a while", async () => {
    const { resources } = await run(() => make());
    const group = inputsOf(resources, "aws:cloudwatch/logGroup:LogGroup");
    assert.equal(group.name, "/aws/lambda/tributary-dev-work");
    assert.equal(group.retentionInDays, 30);
    assert.match(group.kmsKeyId, /^arn:aws:kms:.*key\/key-key$/);
  });

  it("has a role that only Lambda takes, and that may write its own log and trace", async () => {
    const { resources } = await run(() => make());
    const role = inputsOf(resources, "aws:iam/role:Role");
    const [trust] = JSON.parse(role.assumeRolePolicy).Statement;
    assert.deepEqual([trust.Principal, trust.Action], [{ Service: "lambda.amazonaws.com" }, "sts:AssumeRole"]);
    const statements = JSON.parse(inputsOf(resources, "aws:iam/rolePolicy:RolePolicy").policy).Statement;
    assert.deepEqual(
      statements.map((one: { Resource: string[] }) => one.Resource),
      [[`${logArn}:*`], ["*"]],
    );
    assert.ok(statements[1].Action.every((action: string) => action.startsWith("xray:")));
  });

  it("asks for nothing on resource * when it is not traced", async () => {
    const { resources } = await run(() => make({ tracing: false }));
    assert.doesNotMatch(inputsOf(resources, "aws:iam/rolePolicy:RolePolicy").policy, /"\*"/);
  });

  it("lets others invoke its alias and nothing else", async () => {
    const { resources } = await run(() => {
      const caller = new ServiceRole("caller", { scope, what: "caller", service: "states" });
      make().grantInvoke(caller);
    });
    const { policy } = inputsOf(resources, "aws:iam/rolePolicy:RolePolicy", "caller-policy");
    assert.deepEqual(JSON.parse(policy).Statement, [
      { Effect: "Allow", Action: ["lambda:InvokeFunction"], Resource: [functionArn] },
    ]);
  });

  it("lets each child be changed, last", async () => {
    const transform = {
      function: { memorySize: 999 },
      alias: { description: "now" },
      logGroup: { retentionInDays: 1 },
      role: { role: { path: "/lake/" } },
    };
    const { resources } = await run(() => make({ transform }));
    assert.equal(inputsOf(resources, lambda).memorySize, 999);
    assert.equal(inputsOf(resources, "aws:lambda/alias:Alias").description, "now");
    assert.equal(inputsOf(resources, "aws:cloudwatch/logGroup:LogGroup").retentionInDays, 1);
    assert.equal(inputsOf(resources, "aws:iam/role:Role").path, "/lake/");
  });
});

describe("ServiceRole", () => {
  const role = () => new ServiceRole("owner", { scope, what: "owner", service: "states" });
  const allow = (action: string, ...resources: pulumi.Input<string>[]) => ({ actions: [action], resources });

  it("can only be taken for this account where the service tells the source", async () => {
    const { resources } = await run(role);
    const [trust] = JSON.parse(inputsOf(resources, "aws:iam/role:Role").assumeRolePolicy).Statement;
    assert.deepEqual(trust.Condition, { StringEquals: { "aws:SourceAccount": account } });
  });

  it("puts all grants into one policy, merged, in an order that does not depend on theirs", async () => {
    const policyOf = async (order: number[]) => {
      const { resources } = await run(() => {
        const made = role();
        const grants = [allow("a:Read", "arn:2"), allow("b:Write", "arn:1"), allow("a:Read", pulumi.output("arn:1"))];
        for (const index of order) made.addStatements(grants[index]!);
      });
      return inputsOf(resources, "aws:iam/rolePolicy:RolePolicy").policy;
    };
    const policy = await policyOf([0, 1, 2]);
    assert.deepEqual(JSON.parse(policy).Statement, [
      { Effect: "Allow", Action: ["a:Read"], Resource: ["arn:1", "arn:2"] },
      { Effect: "Allow", Action: ["b:Write"], Resource: ["arn:1"] },
    ]);
    assert.equal(await policyOf([2, 1, 0]), policy);
  });

  it("refuses a grant that would be lost", async () => {
    await assert.rejects(
      run(async () => {
        const made = role();
        await new Promise((resolve) => setTimeout(resolve, 20));
        made.addStatements(allow("a:Read", "arn:1"));
      }),
      { code: "GrantTooLate" },
    );
  });

  it("tells when a policy is larger than IAM takes", () => {
    const resources = Array.from({ length: 300 }, (_, index) => `arn:aws:sqs:${region}:${account}:queue-${index}`);
    assert.throws(() => renderPolicy([{ actions: ["sqs:SendMessage"], resources }], "owner"), {
      code: "PolicyTooLarge",
      source: "user",
    });
  });
});

describe("log retention", () => {
  it("is one that CloudWatch Logs offers", () => {
    assert.equal(logRetentionDays("365 days", "here"), 365);
    assert.throws(() => logRetentionDays("31 days", "here"), { code: "InvalidRetention" });
  });
});
