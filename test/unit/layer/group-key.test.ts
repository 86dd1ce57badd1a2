import assert from "node:assert/strict";
import fc from "fast-check";
import { captured, groupSchema } from "../../../layer/manifest/group";
import { triggersSchema } from "../../../layer/manifest/triggers";
import { groupOf, parseArrival, type Arrival } from "../../../layer/object-ref";
import { eventOf } from "./fakes/lake";

function arrival(key: string): Arrival {
  const parsed = parseArrival(eventOf({ bucket: { name: "raw" }, object: { key: `t/d/${key}`, sequencer: "1" } }));
  assert.ok("arrival" in parsed);
  return parsed.arrival;
}

const problemsOf = (value: unknown) => {
  const result = groupSchema.safeParse(value);
  return result.success ? "" : JSON.stringify(result.error.issues);
};

describe("layer: groups by key", () => {
  const group = { key: "^station-(\\d+)/" };

  it("puts together what the expression captures alike, below the dataset's folder", () => {
    assert.equal(groupOf(arrival("station-7/a.csv"), group), groupOf(arrival("station-7/b.csv"), group));
    assert.notEqual(groupOf(arrival("station-7/a.csv"), group), groupOf(arrival("station-8/a.csv"), group));
    assert.match(groupOf(arrival("station-7/a.csv"), group), /^[A-Za-z0-9]{1,128}$/);
  });

  it("leaves an object that the expression does not fit, or of which it captures nothing, alone", () => {
    const [a, b] = [arrival("other/a.csv"), arrival("other/b.csv")];
    assert.equal(groupOf(a, group), a.keyId);
    assert.notEqual(groupOf(a, group), groupOf(b, group));
    assert.equal(groupOf(a, { key: "^other/(x)?" }), a.keyId);
  });

  it("does not mix the groups of different kinds", () => {
    assert.notEqual(groupOf(arrival("station-7/a"), group), groupOf(arrival("station-7/a"), "prefix"));
    assert.notEqual(groupOf(arrival("station-7/a"), group), groupOf(arrival("station-7/a"), "dataset"));
  });

  it("takes one capture group, RE2's syntax, at most 200 characters", () => {
    assert.equal(problemsOf(group), "");
    assert.match(problemsOf({ key: "a" }), /0 capture groups/);
    assert.match(problemsOf({ key: "(a)(b)" }), /2 capture groups/);
    assert.match(problemsOf({ key: "(?=a)(b)" }), /no look-around/);
    assert.match(problemsOf({ key: "(" }), /no regular expression/);
    assert.match(problemsOf({ key: `(${"a".repeat(200)})` }), /200/);
    assert.match(problemsOf("station"), /object, prefix, dataset/);
  });

  it("takes time in proportion to the key, whatever the expression", () => {
    const before = performance.now();
    assert.equal(captured("^(a+)+$", `${"a".repeat(1_000)}!`), undefined);
    // A backtracking engine would need 2^1000 steps.
    assert.ok(performance.now() - before < 1_000);
  });

  it("takes any key", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 100, unit: "binary" }), (key) => {
        assert.match(groupOf(arrival(key), group), /^[A-Za-z0-9]{1,128}$/);
      }),
      { numRuns: 50 },
    );
  });
});

describe("layer: triggers of a manifest", () => {
  const fits = (schedule: string) => triggersSchema.safeParse({ schedule }).success;

  it("are events alone, where nothing is said", () => {
    assert.deepEqual(triggersSchema.parse(undefined), { events: true, http: false });
  });

  for (const good of ["rate(1 hour)", "rate(15 minutes)", "cron(0 6 * * ? *)", "cron(0/15 8-17 ? * MON-FRI 2026)"]) {
    it(`take ${good}`, () => assert.ok(fits(good)));
  }

  for (const bad of [
    ...["", "rate(0 hours)", "rate(1 second)", "rate(1.5 hours)", "every hour", "at(2026-11-21T00:00:00)"],
    ...["cron(0 6 * * *)", "cron(0 6 * * * *)", "cron(0 6 ? * ? *)", "cron(0 6 * * ? *) x", 'cron(0 6 * * ? ")'],
  ]) {
    it(`refuse ${JSON.stringify(bad)}`, () => assert.ok(!fits(bad)));
  }
});
