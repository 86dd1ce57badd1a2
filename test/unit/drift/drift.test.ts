import { strict as assert } from "node:assert";
import type { EngineEvent } from "@pulumi/pulumi/automation";
import * as fc from "fast-check";
import { describe as describeDrift } from "../../../automation/commands/drift";
import { DriftListener } from "../../../automation/drift/detect";
import type { StackDrift } from "../../../automation/drift";
import { ignored } from "../../../automation/drift/ignored";
import { pathOf, valueAt } from "../../../automation/drift/paths";
import type { EnvironmentResult } from "../../../automation/waves/results";

type Properties = Record<string, unknown>;
const secret = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext: "v1:x" };

/** An event as a refresh that only looks gives it; its form was taken from a real one. */
function event(
  op: "same" | "update" | "delete",
  [type, name]: [string, string],
  [old, now]: [Properties, Properties] = [{}, {}],
  differing: string[] = [],
): EngineEvent {
  const urn = `urn:pulumi:local::tributary::tributary:lake:Lake$${type}::${name}`;
  const state = (outputs: Properties) => ({ urn, type, custom: true, id: name, inputs: {}, outputs });
  const update = { diffs: differing, detailedDiff: Object.fromEntries(differing.map((path) => [path, {}])) };
  const metadata = { op, urn, type, old: state(old), new: op === "delete" ? null : state(now), provider: "" };
  const found = { ...metadata, ...(op === "update" ? update : {}) };
  return { sequence: 1, timestamp: 1, resOutputsEvent: { metadata: found } } as unknown as EngineEvent;
}

function listen(events: EngineEvent[], local = true): DriftListener {
  const listener = new DriftListener(() => undefined, local);
  for (const each of events) listener.onEvent(each);
  return listener;
}

const queue: [string, string] = ["aws:sqs/queue:Queue", "lake-arrivals-dlq"];
const machine: [string, string] = ["aws:sfn/stateMachine:StateMachine", "lake-stage-a"];

describe("drift", () => {
  it("is what the refresh would take over: deleted resources, and properties as recorded and as found", () => {
    const { resources, count } = listen([
      event("same", ["aws:s3/bucket:Bucket", "lake-raw"]),
      event("same", ["pulumi:providers:aws", "default"]),
      event(
        "update",
        queue,
        [{ visibilityTimeoutSeconds: 30 }, { visibilityTimeoutSeconds: 77 }],
        ["visibilityTimeoutSeconds"],
      ),
      event("delete", ["aws:dynamodb/table:Table", "lake-idempotency"]),
    ]);
    assert.equal(count, 3);
    assert.deepEqual(
      resources.map(({ name, kind, properties }) => ({ name, kind, properties })),
      [
        {
          name: "lake-arrivals-dlq",
          kind: "changed",
          properties: [{ path: "visibilityTimeoutSeconds", recorded: 30, found: 77 }],
        },
        { name: "lake-idempotency", kind: "deleted", properties: [] },
      ],
    );
  });

  it("leaves out what the engine only computes anew, and keeps a difference that it does not explain", () => {
    const values: [Properties, Properties] = [
      { memorySize: 256, version: "1", tags: { a: "1" } },
      { memorySize: 999, version: "1", tags: {} },
    ];
    const [changed] = listen([event("update", queue, values, ["version", "memorySize", 'tags["a"]'])]).resources;
    assert.deepEqual(changed?.properties, [
      { path: "memorySize", recorded: 256, found: 999 },
      { path: 'tags["a"]', recorded: "1", found: undefined },
    ]);
    const [unexplained] = listen([event("update", queue, [{ code: 1 }, { code: 1 }], ["code"])]).resources;
    assert.deepEqual(unexplained?.properties, [{ path: "code", recorded: 1, found: 1 }]);
    assert.equal(listen([event("update", queue)]).resources.length, 1);
  });

  it("never shows a secret, and never hides that it changed", () => {
    const values: [Properties, Properties] = [
      { environment: { variables: { TOKEN: secret } } },
      { environment: { variables: { TOKEN: { ...secret, ciphertext: "v1:y" } } } },
    ];
    const [changed] = listen([event("update", queue, values, ["environment.variables.TOKEN"])]).resources;
    const told = { path: "environment.variables.TOKEN", recorded: "[secret]", found: "[secret]" };
    assert.deepEqual(changed?.properties, [told]);
  });

  it("leaves out what the local AWS does not give back, with the reason, and leaves out nothing on AWS", () => {
    const values: [Properties, Properties] = [
      { tracingConfiguration: { enabled: true }, definition: "a" },
      { tracingConfiguration: null, definition: "b" },
    ];
    const noise = event("update", machine, values, ["tracingConfiguration"]);
    const local = listen([noise]);
    assert.deepEqual(local.resources, []);
    assert.deepEqual(
      local.ignored.map(({ name, path }) => [name, path]),
      [["lake-stage-a", "tracingConfiguration"]],
    );
    assert.ok(local.ignored[0]!.reason.length > 10);
    const both = listen([event("update", machine, values, ["definition", "tracingConfiguration"])]);
    assert.deepEqual(both.resources[0]?.properties, [{ path: "definition", recorded: "a", found: "b" }]);
    assert.equal(listen([noise], false).resources.length, 1);
    assert.ok(ignored.every(({ reason }) => /ministack \d/.test(reason)));
  });
});

describe("a property's path", () => {
  it("is taken apart as the engine writes it", () => {
    assert.deepEqual(pathOf("a.b[0].c"), ["a", "b", 0, "c"]);
    assert.deepEqual(pathOf('tags["x.y"].z'), ["tags", "x.y", "z"]);
    assert.deepEqual(pathOf('["first"]'), ["first"]);
    assert.deepEqual(pathOf("a["), ["a["]);
    assert.equal(valueAt({ a: { b: [{ c: 1 }] } }, pathOf("a.b[0].c")), 1);
    assert.equal(valueAt({ a: 1 }, pathOf("a.b.c")), undefined);
    assert.equal(valueAt({}, pathOf("constructor")), undefined);
  });

  it("leads to every value of any object, and no text breaks it", () => {
    const key = fc.string({ minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.array(fc.oneof(key, fc.nat(3)), { minLength: 1, maxLength: 5 }), fc.string(), (keys, other) => {
        const quoted = keys.map((each) =>
          typeof each === "number" ? `[${each}]` : `["${each.replace(/[\\"]/g, (mark) => `\\${mark}`)}"]`,
        );
        assert.deepEqual(pathOf(quoted.join("")), keys);
        assert.ok(Array.isArray(pathOf(other)));
      }),
      { numRuns: 300 },
    );
  });
});

describe("what `drift` says", () => {
  const result = (resources: StackDrift["resources"]): EnvironmentResult<StackDrift> => ({
    env: "prod",
    ok: true,
    stacks: [
      {
        target: { env: "prod", region: "eu-west-1", stack: "prod", wave: 0 },
        status: "succeeded",
        result: { looked: 146, resources, ignored: [] },
      },
    ],
    checks: [],
    seconds: 3,
  });
  const changed = {
    urn: "urn",
    type: "aws:sqs/queue:Queue",
    name: "dlq\u001b[2J\nforged",
    kind: "changed" as const,
    properties: [{ path: "policy", recorded: undefined, found: "x".repeat(500) }],
  };

  it("is one line and exit code 0 when all is as it was deployed", () => {
    const { text, exitCode, document } = describeDrift(result([]));
    assert.equal(text, "prod is in the cloud as it was deployed: 146 resources in 1 stack(s)\n");
    assert.deepEqual([exitCode, (document as { ok: boolean }).ok], [0, true]);
  });

  it("names what differs and what to do, with exit code 1, and forges no line", () => {
    const { text, exitCode } = describeDrift(result([changed]));
    const lines = text.trimEnd().split("\n");
    assert.deepEqual(lines.slice(0, 2), ["prod", "  changed  dlq forged  aws:sqs/queue:Queue"]);
    assert.equal(lines[2]?.trim(), `policy: not set -> ${"x".repeat(99)}…`);
    assert.deepEqual(lines.slice(3), [
      "1 of 146 resources in 1 stack(s) of prod are not as they were deployed",
      "next: tributary drift prod --mend brings them back",
    ]);
    assert.equal(exitCode, 1);
  });

  it("says after a mend whether all is well", () => {
    assert.deepEqual(describeDrift(result([changed]), result([])).exitCode, 0);
    assert.match(
      describeDrift(result([changed]), result([])).text,
      /1 of 146 .* were not as they were deployed, and are again\n$/,
    );
    const left = describeDrift(result([changed]), result([changed]));
    assert.deepEqual([left.exitCode, (left.document as { mended: boolean }).mended], [1, false]);
    assert.match(left.text, /^1 of 1 resources of prod are still not as they were deployed: dlq forged$/m);
  });
});
