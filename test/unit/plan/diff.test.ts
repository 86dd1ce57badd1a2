import assert from "node:assert/strict";
import fc from "fast-check";
import { changesBetween } from "../../../automation/plan/diff";
import type { Json } from "../../../automation/plan/types";

const json = fc.jsonValue({ maxDepth: 4 }).map((value) => value as Json);

describe("the difference of two values", () => {
  it("tells the smallest place of each change", () => {
    const changes = changesBetween({ a: { b: 1, c: [1, 2] }, "x.y": 1 }, { a: { b: 2, c: [2, 3] }, "x.y": 2, n: null });
    assert.deepEqual(changes, [
      { path: "a.b", kind: "change", before: 1, after: 2 },
      { path: "a.c[]", kind: "remove", before: 1 },
      { path: "a.c[]", kind: "add", after: 3 },
      { path: "n", kind: "add", after: null },
      { path: '["x.y"]', kind: "change", before: 1, after: 2 },
    ]);
  });

  it("recognises list elements by their name, whatever their order", () => {
    const before = [
      { name: "A", value: "1" },
      { name: "B", value: "2" },
    ];
    const after = [
      { name: "B", value: "3" },
      { name: "A", value: "1" },
      { name: "C", value: "4" },
    ];
    assert.deepEqual(changesBetween(before, after, "env"), [
      { path: "env[B].value", kind: "change", before: "2", after: "3" },
      { path: "env[C]", kind: "add", after: { name: "C", value: "4" } },
    ]);
  });

  it("pairs unnamed elements by place once the equal ones are taken out", () => {
    const before = [
      { days: 1, to: "a" },
      { days: 2, to: "b" },
    ];
    const after = [
      { days: 2, to: "b" },
      { days: 3, to: "a" },
    ];
    assert.deepEqual(changesBetween(before, after, "rules"), [
      { path: "rules[1].days", kind: "change", before: 1, after: 3 },
    ]);
  });

  it("says that only the order is another", () => {
    assert.deepEqual(changesBetween([1, 2], [2, 1], "args"), [
      { path: "args", kind: "order", before: [1, 2], after: [2, 1] },
    ]);
  });

  it("looks into documents in texts, also nested ones, and hides their secrets", () => {
    const document = (query: string, token: string) =>
      JSON.stringify({ States: { A: { Parameters: JSON.stringify({ query, token }) } } });
    const changes = changesBetween({ definition: document("a", "t-1") }, { definition: document("b", "t-2") });
    const place = "definition.States.A.Parameters";
    assert.deepEqual(changes, [
      { path: `${place}.query`, kind: "change", before: "a", after: "b" },
      { path: `${place}.token`, kind: "change", before: "[secret]", after: "[secret]" },
    ]);
    assert.deepEqual(changesBetween(undefined, document("a", "t-1"), "x")[0]!.after, {
      States: { A: { Parameters: JSON.stringify({ query: "a", token: "[secret]" }) } },
    });
    const named = changesBetween({ auth: [{ password: "p-1" }] }, { auth: [{ password: "p-2" }] });
    assert.deepEqual(named, [{ path: "auth[0].password", kind: "change", before: "[secret]", after: "[secret]" }]);
  });

  it("hides what a pair of name and value tells to be secret", () => {
    const pair = (value: string) => ({ variables: [{ name: "API_TOKEN", value }] });
    const hidden = [{ path: "variables[API_TOKEN].value", kind: "change", before: "[secret]", after: "[secret]" }];
    assert.deepEqual(changesBetween(pair("t-1"), pair("t-2")), hidden);
    assert.ok(!JSON.stringify(changesBetween({}, pair("t-1"))).includes("t-1"));
  });

  it("is empty for equal values only, and the same in both directions", () => {
    fc.assert(
      fc.property(json, json, (a, b) => {
        assert.deepEqual(changesBetween(a, a), []);
        const [there, back] = [changesBetween(a, b), changesBetween(b, a)];
        assert.equal(there.length === 0, back.length === 0);
        const kinds = { add: "remove", remove: "add", change: "change", order: "order" } as const;
        assert.deepEqual(there.map(({ kind }) => kinds[kind]).sort(), back.map(({ kind }) => kind).sort());
      }),
      { numRuns: 300 },
    );
  });

  it("takes a document that is nested without end for a text", () => {
    const nested = (value: string) => "[".repeat(5000) + value + "]".repeat(5000);
    const [change, ...more] = changesBetween({ policy: nested("1") }, { policy: nested("2") });
    assert.deepEqual([change!.path, change!.kind, more], ["policy", "change", []]);
  });
});
