import assert from "node:assert/strict";
import { PlanCollector } from "../../../automation/plan/collect";
import { code, event, policy, queue, rolePolicy, secret, stackPlan, table, target, unknown } from "./support";

describe("the plan of a stack", () => {
  it("counts resources, a replacement once, and neither components nor the stack", () => {
    const plan = stackPlan([
      { op: "update", type: "pulumi:pulumi:Stack", name: "dev", old: {}, new: {}, custom: false },
      { op: "create", type: "tributary:lake:Lake", name: "lake", new: {}, custom: false },
      { op: "create", type: queue, name: "a", new: {} },
      { op: "update", type: queue, name: "b", old: { x: 1 }, new: { x: 2 } },
      { op: "delete-replaced", type: table, name: "c", old: { hashKey: "id" } },
      { op: "replace", type: table, name: "c", old: { hashKey: "id" }, new: { hashKey: "key" }, keys: ["hashKey"] },
      { op: "create-replacement", type: table, name: "c", old: { hashKey: "id" }, new: { hashKey: "key" } },
      { op: "delete", type: queue, name: "d", old: {} },
      { op: "same", type: queue, name: "e", old: {}, new: {} },
      { op: "read", type: queue, name: "f", new: {} },
    ]);
    assert.deepEqual(plan.counts, { create: 1, update: 1, replace: 1, delete: 1, same: 2 });
    const replaced = plan.resources.find(({ name }) => name === "c")!;
    assert.deepEqual([replaced.operation, replaced.replacedBy], ["replace", ["hashKey"]]);
    assert.deepEqual(replaced.properties, [{ path: "hashKey", kind: "change", before: "id", after: "key" }]);
  });

  it("tells that data is lost by a deletion or a replacement, not by an update or where it is kept", () => {
    const plan = stackPlan([
      { op: "delete", type: table, name: "deleted", old: {} },
      { op: "replace", type: table, name: "replaced", old: { a: 1 }, new: { a: 2 } },
      { op: "update", type: table, name: "updated", old: { a: 1 }, new: { a: 2 } },
      { op: "delete", type: table, name: "kept", old: {}, retainOnDelete: true },
      { op: "discard", type: table, name: "forgotten", old: {} },
      { op: "delete", type: "aws:lambda/alias:Alias", name: "configuration", old: {} },
    ]);
    const lost = plan.resources.filter(({ stateful }) => stateful !== undefined);
    assert.deepEqual(
      lost.map(({ name }) => name),
      ["deleted", "replaced"],
    );
    assert.match(lost[0]!.stateful!.loss, /items/);
  });

  it("lists what a left-over of an interrupted replacement deletes beside what happens to its successor", () => {
    const plan = stackPlan([
      { op: "update", type: queue, name: "a", old: { x: 1 }, new: { x: 2 } },
      { op: "delete", type: queue, name: "a", old: { x: 0 }, leftOver: true },
    ]);
    assert.deepEqual(plan.resources.map(({ operation }) => operation).sort(), ["delete", "update"]);
  });

  it("shows a secret's change and never its value", () => {
    const hidden = { value: secret };
    const plan = stackPlan([
      {
        op: "update",
        type: "aws:ssm/parameter:Parameter",
        name: "s",
        old: hidden,
        new: hidden,
        diffs: ["value", "version"],
      },
      { op: "create", type: "aws:rds/instance:Instance", name: "d", new: { password: "hunter-2", username: "root" } },
    ]);
    assert.deepEqual(plan.resources[0]!.properties, [
      { path: "value", kind: "change", before: "[secret]", after: "[secret]" },
    ]);
    assert.ok(!JSON.stringify(plan).includes("hunter-2"));
    assert.ok(JSON.stringify(plan).includes("root"));
  });

  it("says that code changed, that a value is not known yet, and leaves out what only the provider computes", () => {
    const [resource] = stackPlan([
      {
        op: "update",
        type: "aws:lambda/function:Function",
        name: "f",
        old: { code: code("a".repeat(64)), tagsAll: { a: "1" }, arn: "x" },
        new: { code: code("b".repeat(64)), tagsAll: { a: "2" }, arn: unknown, __defaults: ["name"] },
        diffs: ["code", "tagsAll.a", "lastModified"],
      },
    ]).resources;
    assert.deepEqual(
      resource!.properties.map(({ path, after }) => [path, after]),
      [
        ["arn", "[known after deployment]"],
        ["code", "[code bbbbbbbbbbbbbbbb]"],
      ],
    );
  });

  it("tells what the provider finds different when the program asks for the same", () => {
    const [resource] = stackPlan([
      {
        op: "update",
        type: queue,
        name: "q",
        old: { delaySeconds: 0 },
        new: { delaySeconds: 0 },
        outputs: { delaySeconds: 30 },
        diffs: ["delaySeconds"],
      },
    ]).resources;
    assert.deepEqual(resource!.properties, [{ path: "delaySeconds", kind: "change", before: 30, after: 0 }]);
  });

  it("compares policies by meaning: another order or one value for a list is no change, a further action is", () => {
    const before = policy({ Sid: "Read", Effect: "Allow", Action: ["s3:GetObject", "s3:ListBucket"], Resource: "*" });
    const after = policy({
      Effect: "Allow",
      Action: ["s3:ListBucket", "s3:GetObject", "s3:PutObject"],
      Resource: ["*"],
      Sid: "Read",
    });
    const [resource] = stackPlan([
      { op: "update", type: rolePolicy, name: "p", old: { policy: before }, new: { policy: after } },
    ]).resources;
    assert.deepEqual(resource!.properties, [
      { path: "policy.Statement[Read].Action[]", kind: "add", after: "s3:PutObject" },
    ]);
  });

  it("does not list random names and defaults of a new resource, which differ from plan to plan", () => {
    const made = (name: string) =>
      stackPlan([{ op: "create", type: queue, name: "q", new: { name, fifoQueue: true, __defaults: ["name"] } }])
        .resources;
    assert.deepEqual(made("q-1234567"), made("q-7654321"));
    assert.deepEqual(made("q-1").at(0)!.properties, [{ path: "fifoQueue", kind: "add", after: true }]);
  });

  it("keeps violations without the policy's description, and knows whether they stop the preview", () => {
    const collector = new PlanCollector(target);
    const violation = (enforcementLevel: "advisory" | "mandatory", resourceUrn: string) =>
      collector.onEvent({
        sequence: 1,
        timestamp: 1,
        policyEvent: {
          resourceUrn,
          message: "Buckets are private.\nthe bucket is public\n",
          policyName: "private",
          policyPackName: "pack",
          policyPackVersion: "1.0.0",
          enforcementLevel,
        },
      } as unknown as Parameters<PlanCollector["onEvent"]>[0]);
    violation("advisory", "urn:pulumi:dev::tributary::aws:s3/bucket:Bucket::raw");
    assert.equal(collector.stopped, false);
    violation("mandatory", "urn:pulumi:dev::tributary::pulumi:pulumi:Stack::tributary-dev");
    assert.equal(collector.stopped, true);
    const { violations } = collector.plan();
    assert.deepEqual(
      violations.map(({ resource, message, pack }) => [resource, message, pack]),
      [
        ["raw (aws:s3/bucket:Bucket)", "the bucket is public", "pack@1.0.0"],
        [undefined, "the bucket is public", "pack@1.0.0"],
      ],
    );
  });

  it("knows the stack's own account by the ARNs of its region", () => {
    const arn = (account: string, region = "eu-west-1") => ({ arn: `arn:aws:sqs:${region}:${account}:q` });
    const same = (name: string, outputs: Record<string, unknown>) => ({
      op: "same",
      type: queue,
      name,
      old: {},
      new: {},
      outputs,
    });
    const plan = stackPlan([
      same("a", arn("111111111111")),
      same("b", arn("111111111111")),
      same("c", arn("222222222222")),
      same("d", arn("222222222222", "us-east-1")),
      same("e", arn("222222222222", "us-east-1")),
    ]);
    assert.equal(plan.account, "111111111111");
  });

  it("survives events that lack what the engine usually gives", () => {
    const collector = new PlanCollector(target);
    collector.onEvent(event({ op: "invented", type: queue, name: "x" }));
    assert.deepEqual(collector.plan().counts, { create: 0, update: 0, replace: 0, delete: 0, same: 1 });
  });
});
