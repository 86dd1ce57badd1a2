import { strict as assert } from "node:assert";
import { TributaryError, userError } from "../../../automation/errors";
import { eventStream, step } from "../../../automation/events";
import { DeploymentFailure } from "../../../automation/stacks/failure";
import { describeCheck, includes, meets } from "../../../automation/waves/checks";
import { environmentFailure, gatherFailures, type StackResult } from "../../../automation/waves/results";

const target = (stack: string, region: string) => ({ env: "dev", region, stack, wave: 0 });
const failed = (stack: string, region: string, cause: string, log?: string): StackResult<unknown> => {
  const failures = [{ resource: "queue (aws:sqs/queue:Queue)", cause }];
  const options = { code: "DeploymentFailed", failures, log };
  return { target: target(stack, region), status: "failed", error: new DeploymentFailure(cause, options) };
};
const done = (stack: string): StackResult<unknown> => ({ target: target(stack, stack), status: "succeeded" });

describe("results of an environment", () => {
  it("tell the same failure once, with all stacks that had it, whatever region it names", () => {
    const stacks = [
      failed("a", "eu-west-1", "no in eu-west-1"),
      failed("b", "us-east-1", "no in us-east-1"),
      failed("c", "x", "else"),
    ];
    assert.deepEqual(
      gatherFailures(stacks).map((each) => each.stacks),
      [["a", "b"], ["c"]],
    );
  });

  it("become one error: resource and cause first, then where, then the logs", () => {
    const stacks = [
      done("a"),
      failed("b", "us-east-1", "refused", "/l/b.log"),
      failed("c", "us-west-2", "refused", "/l/c.log"),
    ];
    const { message, code } = environmentFailure({ env: "dev", stacks, checks: [] }, "deployed");
    assert.equal(code, "DeploymentFailed");
    assert.deepEqual(message.split("\n"), [
      "2 of 3 stacks of dev could not be deployed:",
      "  queue (aws:sqs/queue:Queue): refused",
      "    in b, c",
      "  log of b: /l/b.log",
      "  log of c: /l/c.log",
    ]);
  });

  it("are the stack's own error where there is one stack, and a user's mistake where all are", () => {
    const own = userError("InvalidSettings", "wrong");
    const one: StackResult<unknown> = { target: target("a", "r"), status: "failed", error: own };
    assert.equal(environmentFailure({ env: "dev", stacks: [one], checks: [] }, "deployed"), own);
    const two = environmentFailure(
      { env: "dev", stacks: [one, { ...one, target: target("b", "s") }], checks: [] },
      "deployed",
    );
    assert.deepEqual([two.code, two.exitCode], ["InvalidSettings", 2]);
    const mixed = environmentFailure({ env: "dev", stacks: [one, failed("b", "s", "no")], checks: [] }, "deployed");
    assert.deepEqual([mixed.code, mixed.exitCode], ["DeploymentFailed", 1]);
  });

  it("tell failed checks with what was found", () => {
    const checks = [{ stack: "a", check: "query select 1", ok: false, found: "found 0, expected 1" }];
    const error = environmentFailure({ env: "dev", stacks: [done("a"), done("b")], checks }, "deployed");
    assert.equal(error.code, "CheckFailed");
    assert.match(error.message, /1 of 2 stacks[^]*check failed: query select 1: found 0, expected 1\n {4}in a/);
  });
});

describe("checks", () => {
  it("compare with a value, or with a number", () => {
    const good: [unknown, string | number | boolean][] = [
      [1, 1],
      ["1", 1],
      [1, "1"],
      [true, "true"],
      [5, "> 4"],
      ["5", ">=5"],
      [-1, "< 0"],
      [3, "!= 4"],
      [2.5, "<= 2.5"],
    ];
    const bad: [unknown, string | number | boolean][] = [
      [0, 1],
      [null, 0],
      [undefined, ""],
      ["x", "> 0"],
      [null, "> 0"],
      [undefined, "!= 1"],
      [5, "> 5"],
      [4, "!= 4"],
    ];
    for (const [value, expect] of good) assert.equal(meets(value, expect), true, `${String(value)} ${expect}`);
    for (const [value, expect] of bad) assert.equal(meets(value, expect), false, `${String(value)} ${expect}`);
  });

  it("look for what is expected in an answer, whatever else is in it", () => {
    assert.equal(includes({ a: 1, b: { c: [1], d: 2 } }, { b: { c: [1] } }), true);
    assert.equal(includes({ a: 1 }, { a: 2 }), false);
    assert.equal(includes({}, { toString: undefined }), false);
    assert.equal(includes("x", { a: 1 }), false);
    assert.equal(includes(null, null), true);
  });

  it("have names", () => {
    assert.equal(describeCheck({ alarms: "none" }), "alarms none");
    assert.equal(describeCheck({ function: "routing" }), "function routing");
    assert.equal(describeCheck({ query: " select 1 ", expect: 1 }), "query select 1");
  });
});

describe("events as an iterator", () => {
  it("come in order, also those from before the reading, and end", async () => {
    const { sink, end, ...stream } = eventStream();
    const work = step(sink, "Deploy dev", async (progress) => progress("half", { done: 1, total: 2 }), "dev").finally(
      end,
    );
    const seen: string[] = [];
    for await (const event of stream) seen.push(event.type);
    await work;
    assert.deepEqual(seen, ["step-start", "step-progress", "step-end"]);
    assert.ok(userError("A", "b") instanceof TributaryError);
  });
});
