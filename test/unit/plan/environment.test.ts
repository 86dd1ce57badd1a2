import assert from "node:assert/strict";
import fc from "fast-check";
import { planDifferences, requireSamePlan } from "../../../automation/plan/check";
import { digestOf } from "../../../automation/plan/digest";
import { grouped, shared } from "../../../automation/plan/regions";
import type { StackPlan } from "../../../automation/plan/types";
import type { TributaryError } from "../../../automation/errors";
import { planOf, queue, stackPlan, table, type Given } from "./support";

const places = [
  { env: "dev", region: "eu-west-1", stack: "dev", wave: 0 },
  { env: "dev", region: "us-east-1", stack: "dev.us-east-1", wave: 1 },
  { env: "dev", region: "us-west-2", stack: "dev.us-west-2", wave: 1 },
];

const arn = (account: string) => ({ arn: `arn:aws:sqs:${"R"}:${account}:q` });

/** The same preview in every region, with the region and account where a program would have them. */
function everywhere(given: (region: string, account: string) => Given[]): StackPlan[] {
  return places.map((place, index) => {
    const account = `${index + 1}`.repeat(12);
    const known = { arn: arn(account).arn.replace("R", place.region) };
    const anchor = { op: "same", type: queue, name: "anchor", old: {}, new: {}, outputs: known };
    return stackPlan([anchor, ...given(place.region, account)], place);
  });
}

const renamed = (region: string, account: string, extra = ""): Given => ({
  op: "update",
  type: queue,
  name: "q",
  old: { policy: `arn:aws:sqs:${region}:${account}:a` },
  new: { policy: `arn:aws:sqs:${region}:${account}:b${extra}` },
});

describe("what several regions have in common", () => {
  it("is told once, with placeholders for region and account", () => {
    const groups = grouped(
      shared(planOf(...everywhere((region, account) => [renamed(region, account)])), (s) => s.resources),
    );
    assert.equal(groups.length, 1);
    assert.deepEqual(groups[0]!.stacks, ["dev", "dev.us-east-1", "dev.us-west-2"]);
    assert.equal(groups[0]!.items[0]!.properties[0]!.after, "arn:aws:sqs:<region>:<account>:b");
  });

  it("does not hide a region that does something else, or names another account", () => {
    const stacks = everywhere((region, account) => [
      renamed(region, account, region === "us-west-2" ? "x" : ""),
      {
        op: "create",
        type: queue,
        name: "trust",
        new: { principal: `arn:aws:iam::${account === "111111111111" ? "999999999999" : account}:root` },
      },
    ]);
    const groups = grouped(shared(planOf(...stacks), (s) => s.resources));
    assert.deepEqual(
      groups.map(({ stacks: of, items }) => [of.length, items.length]),
      [
        [2, 1],
        [2, 1],
        [1, 1],
        [1, 1],
      ],
    );
    assert.ok(JSON.stringify(groups).includes("999999999999"), "the foreign account is named");
  });

  it("leaves a single stack's names as they are", () => {
    const [only] = shared(planOf(stackPlan([renamed("eu-west-1", "111111111111")])), (s) => s.resources);
    assert.equal(only!.item.properties[0]!.after, "arn:aws:sqs:eu-west-1:111111111111:b");
  });

  it("does not take a region for part of a longer one", () => {
    const stacks = everywhere((region) => [
      { op: "create", type: queue, name: "q", new: { zone: `${region}a`, near: `${region}0` } },
    ]);
    assert.equal(grouped(shared(planOf(...stacks), (s) => s.resources)).length, 3);
  });

  it("loses nothing: every resource of every stack is in exactly one group", () => {
    const resource = fc.record({
      op: fc.constantFrom("create", "update", "delete"),
      type: fc.constantFrom(queue, table),
      name: fc.constantFrom("a", "b", "c"),
      value: fc.constantFrom("eu-west-1", "us-east-1", "x"),
    });
    fc.assert(
      fc.property(
        fc.array(fc.uniqueArray(resource, { selector: ({ name, type }) => name + type }), {
          minLength: 1,
          maxLength: 3,
        }),
        (all) => {
          const stacks = all.map((each, index) =>
            stackPlan(
              each.map(({ op, type, name, value }) => ({ op, type, name, old: { value: 0 }, new: { value } })),
              places[index],
            ),
          );
          const told = shared(planOf(...stacks), (s) => s.resources).reduce((sum, item) => sum + item.stacks.length, 0);
          assert.equal(told, all.flat().length);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("the digest of a plan", () => {
  const change = (value: number): Given => ({ op: "update", type: queue, name: "q", old: { x: 0 }, new: { x: value } });

  it("is the same for the same change, whenever and in whatever order it is planned", () => {
    const other: Given = { op: "create", type: table, name: "t", new: { hashKey: "id" } };
    const [a, b] = [planOf(stackPlan([change(1), other])), planOf(stackPlan([other, change(1)]))];
    assert.equal(a.digest, b.digest);
    assert.equal(digestOf({ ...a, env: a.env }), a.digest);
  });

  it("differs for another value, operation, wave, region or environment", () => {
    const plan = planOf(stackPlan([change(1)]));
    const others = [
      planOf(stackPlan([change(2)])),
      planOf(stackPlan([{ ...change(1), op: "replace" }])),
      planOf(stackPlan([change(1)], { ...places[0]!, wave: 1 })),
      planOf(stackPlan([change(1)], { ...places[0]!, region: "eu-north-1" })),
      planOf(stackPlan([])),
      { digest: digestOf({ ...plan, env: "prod" }) },
    ];
    assert.equal(new Set([plan, ...others].map(({ digest }) => digest)).size, 7);
  });
});

describe("a plan that is deployed", () => {
  const change = (name: string, value: number): Given => ({
    op: "update",
    type: queue,
    name,
    old: { x: 0 },
    new: { x: value },
  });
  const saved = planOf(stackPlan([change("a", 1), change("b", 1)]));

  it("is refused when anything is not as planned, and what differs is told", () => {
    const now = planOf(stackPlan([change("a", 2), { op: "delete", type: table, name: "t", old: {} }]));
    assert.throws(
      () => requireSamePlan(saved, now),
      (error: TributaryError) => {
        assert.deepEqual([error.code, error.exitCode], ["PlanOutdated", 2]);
        assert.match(error.message, /dev: a \(aws:sqs\/queue:Queue\): x: planned 0 -> 1, now 0 -> 2/);
        assert.match(error.message, /dev: b \(aws:sqs\/queue:Queue\): planned update, now no change/);
        assert.match(error.message, /dev: t \(aws:dynamodb\/table:Table\): not planned, now delete/);
        return true;
      },
    );
  });

  it("goes on with the rest of it where it was begun before, and only there", () => {
    const rest = planOf(stackPlan([change("b", 1)]));
    assert.throws(() => requireSamePlan(saved, rest), /a \(.*planned update, now no change/);
    requireSamePlan(saved, rest, new Set(["dev"]));
    const more = planOf(stackPlan([change("b", 1), change("c", 1)]));
    assert.throws(() => requireSamePlan(saved, more, new Set(["dev"])), /c \(.*not planned/);
  });

  it("is refused when stacks came or went", () => {
    const [first, second] = everywhere(() => [change("a", 1)]) as [StackPlan, StackPlan];
    assert.deepEqual(planDifferences(planOf(first), planOf(first, second)), [
      "dev.us-east-1: the stack is not in the plan",
    ]);
    assert.deepEqual(planDifferences(planOf(first, second), planOf(first)), [
      "dev.us-east-1: the plan has this stack, the environment has not",
    ]);
  });
});
