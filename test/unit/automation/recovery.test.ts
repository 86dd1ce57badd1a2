import { strict as assert } from "node:assert";
import fc from "fast-check";
import { refreshArguments } from "../../../automation/stacks/recover";
import { applyPlan, deriveId, planRecovery, unread } from "../../../automation/stacks/recovery";
import type { PendingOperation, RecordedResource } from "../../../automation/stacks/state";

const place = { account: "111122223333", region: "eu-west-1" };

function resource(type: string, inputs: Record<string, unknown>, name = "x"): RecordedResource {
  return { urn: `urn:pulumi:local::tributary::${type}::${name}`, type, custom: true, inputs };
}

describe("ids of resources whose creation was interrupted", () => {
  const cases: [string, Record<string, unknown>, string | undefined][] = [
    ["aws:s3/bucket:Bucket", { bucket: "b" }, "b"],
    ["aws:dynamodb/table:Table", { name: "t" }, "t"],
    ["aws:lambda/function:Function", { name: "f" }, "f"],
    ["aws:iam/role:Role", { name: "r" }, "r"],
    ["aws:iam/rolePolicy:RolePolicy", { role: "r", name: "policy-1a2b3c4" }, "r:policy-1a2b3c4"],
    ["aws:ecr/repository:Repository", { name: "images" }, "images"],
    ["aws:cloudwatch/logGroup:LogGroup", { name: "/aws/lambda/f" }, "/aws/lambda/f"],
    ["aws:kms/alias:Alias", { name: "alias/k" }, "alias/k"],
    ["aws:athena/workgroup:Workgroup", { name: "w" }, "w"],
    ["aws:lambda/alias:Alias", { functionName: "f", name: "live" }, "f/live"],
    ["aws:lambda/permission:Permission", { function: "f", statementId: "s" }, "f/s"],
    ["aws:sqs/queue:Queue", { name: "q.fifo" }, "https://sqs.eu-west-1.amazonaws.com/111122223333/q.fifo"],
    ["aws:sfn/stateMachine:StateMachine", { name: "m" }, "arn:aws:states:eu-west-1:111122223333:stateMachine:m"],
    ["aws:glue/catalogDatabase:CatalogDatabase", { name: "d" }, "111122223333:d"],
    ["aws:glue/catalogTable:CatalogTable", { databaseName: "d", name: "t" }, "111122223333:d:t"],
    ["aws:glue/catalogTable:CatalogTable", { name: "t" }, undefined],
    ["aws:iam/role:Role", {}, undefined],
    ["aws:kms/key:Key", { description: "d" }, undefined],
  ];

  for (const [type, inputs, id] of cases) {
    it(`${type} ${JSON.stringify(inputs)}: ${id ?? "unknown"}`, () =>
      assert.equal(deriveId(resource(type, inputs), place), id));
  }

  it("follow endpoint and partition", () => {
    const queue = resource("aws:sqs/queue:Queue", { name: "q" });
    assert.equal(
      deriveId(queue, { ...place, endpoint: "https://localhost:1234" }),
      "https://localhost:1234/111122223333/q",
    );
    const machine = resource("aws:sfn/stateMachine:StateMachine", { name: "m" });
    assert.equal(
      deriveId(machine, { ...place, partition: "aws-cn" }),
      "arn:aws-cn:states:eu-west-1:111122223333:stateMachine:m",
    );
  });

  it("of a table's item hold the values of its key", () => {
    const item = (inputs: Record<string, unknown>) =>
      deriveId(resource("aws:dynamodb/tableItem:TableItem", inputs), place);
    const text = JSON.stringify({ team: { S: "engineering" }, dataset: { S: "meteorites" }, n: { N: "7" } });
    assert.equal(
      item({ tableName: "t", hashKey: "team", rangeKey: "dataset", item: text }),
      "t|team|engineering|meteorites",
    );
    assert.equal(item({ tableName: "t", hashKey: "n", item: text }), "t|n|7");
    assert.equal(item({ tableName: "t", hashKey: "absent", item: text }), undefined);
    assert.equal(item({ tableName: "t", hashKey: "n", item: "no json" }), undefined);
  });

  it("are never made of something that is no text", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...cases.map(([type]) => type)),
        fc.dictionary(fc.constantFrom("name", "bucket", "function"), fc.anything()),
        (type, inputs) => {
          const id = deriveId(resource(type, inputs), place);
          assert.ok(id === undefined || (typeof id === "string" && id !== "" && !id.includes("[object")));
        },
      ),
    );
  });
});

describe("recovery", () => {
  const bucket = resource("aws:s3/bucket:Bucket", { bucket: "b" }, "bucket");
  const key = resource("aws:kms/key:Key", {}, "key");
  const mapping = resource("aws:lambda/eventSourceMapping:EventSourceMapping", {}, "mapping");
  const table = resource("aws:dynamodb/table:Table", { name: "t" }, "table");
  const pending: PendingOperation[] = [
    { type: "creating", resource: bucket },
    { type: "creating", resource: key },
    { type: "creating", resource: mapping },
    { type: "updating", resource: table },
  ];

  it("adopts what can be found, forgets what cannot, repeats the rest", () => {
    assert.deepEqual(planRecovery(pending, place, new Map([[mapping.urn, "uuid"]])), {
      adopt: [
        { urn: bucket.urn, id: "b" },
        { urn: mapping.urn, id: "uuid" },
      ],
      forget: [key.urn],
      repeat: [table.urn],
    });
  });

  it("keeps every other resource, and leaves no operation pending", () => {
    const plan = planRecovery(pending, place);
    const deployment = { manifest: { time: "now" }, resources: [table], pending_operations: pending };
    const applied = applyPlan(deployment, plan, pending) as {
      manifest: unknown;
      resources: RecordedResource[];
      pending_operations: unknown[];
    };
    assert.deepEqual(applied.manifest, deployment.manifest);
    assert.deepEqual(applied.pending_operations, []);
    assert.deepEqual(
      applied.resources.map(({ urn, id }) => [urn, id]),
      [
        [table.urn, undefined],
        [bucket.urn, "b"],
      ],
    );
    assert.deepEqual(applied.resources[1]!.outputs, {}, "to be imported");
    assert.deepEqual(deployment.resources, [table], "the argument is not changed");
  });

  it("never lists a resource twice", () => {
    const known = { ...bucket, id: "b", outputs: { arn: "a" } };
    const applied = applyPlan({ resources: [known] }, planRecovery(pending, place), pending) as {
      resources: RecordedResource[];
    };
    assert.deepEqual(applied.resources, [known]);
  });

  it("gives a table's item what its provider reads it by", () => {
    const item = resource("aws:dynamodb/tableItem:TableItem", {
      tableName: "t",
      hashKey: "n",
      item: '{"n":{"N":"1"}}',
    });
    const operation: PendingOperation = { type: "creating", resource: item };
    const applied = applyPlan({}, planRecovery([operation], place), [operation]) as { resources: RecordedResource[] };
    assert.deepEqual(applied.resources[0]!.outputs, item.inputs);
  });

  it("keeps what the provider answered before the engine was killed", () => {
    const created = { ...bucket, id: "b", outputs: { id: "b", arn: "a" } };
    const operation: PendingOperation = { type: "creating", resource: created };
    const applied = applyPlan({}, planRecovery([operation], place), [operation]) as { resources: RecordedResource[] };
    assert.deepEqual(applied.resources, [created]);
  });

  it("finds what an interrupted recovery adopted but never looked up", () => {
    const provider = { urn: "p", type: "pulumi:providers:aws", custom: true, id: "p", outputs: {} };
    const component = { urn: "c", type: "tributary:lake:Lake", outputs: {} };
    const read = { ...table, id: "t", outputs: { id: "t" } };
    assert.deepEqual(unread([provider, component, read, { ...bucket, id: "b", outputs: {} }]), [bucket.urn]);
  });

  it("looks up just what was in flight", () => {
    assert.deepEqual(refreshArguments(["u1", "u2"]), [
      "refresh",
      "--yes",
      "--skip-preview",
      "--target",
      "u1",
      "--target",
      "u2",
    ]);
  });
});
