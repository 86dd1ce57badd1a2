import fc from "fast-check";
import assert from "node:assert/strict";
import { Rejection } from "../../../layer/errors";
import { inGroups, waiting } from "../../../layer/groups";
import { serviceError } from "./fakes/command";

interface Item {
  id: number;
  group: string;
  fate: "works" | "rejected" | "fails";
  delay: number;
}

const items = fc
  .array(
    fc.record({
      group: fc.constantFrom("a", "b", "c"),
      fate: fc.constantFrom("works" as const, "works" as const, "rejected" as const, "fails" as const),
      delay: fc.nat(3),
    }),
    { maxLength: 20 },
  )
  .map((list) => list.map((one, id): Item => ({ ...one, id })));

describe("layer: groups", () => {
  it("keep their order, go on after a final error, and wait after a passing one", async () => {
    await fc.assert(
      fc.asyncProperty(items, fc.integer({ min: 1, max: 5 }), async (list, concurrency) => {
        const started: Item[] = [];
        let running = 0;
        const results = await inGroups(list, { group: ({ group }) => group, concurrency }, async (item) => {
          started.push(item);
          assert.ok(++running <= concurrency);
          for (let i = 0; i < item.delay; i++) await new Promise((resolve) => setImmediate(resolve));
          running--;
          if (item.fate === "rejected") throw new Rejection("Bad", "bad");
          if (item.fate === "fails") throw serviceError("SlowDown", 503);
          return item.id;
        });
        assert.deepEqual(
          results.map(({ item }) => item),
          list,
        );
        for (const group of ["a", "b", "c"]) {
          const ids = started.filter((item) => item.group === group).map(({ id }) => id);
          assert.deepEqual(
            ids,
            [...ids].sort((x, y) => x - y),
          );
          const mine = results.filter(({ item }) => item.group === group);
          const blocked = mine.findIndex(({ item }) => item.fate === "fails");
          for (const [index, result] of mine.entries()) {
            if (blocked >= 0 && index > blocked) assert.ok("deferred" in result);
            else if (result.item.fate === "works") assert.ok("value" in result && result.value === result.item.id);
            else assert.ok("error" in result && result.final === (result.item.fate === "rejected"));
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it("do not wait for each other", async () => {
    const order: string[] = [];
    await inGroups(["slow", "fast"], { group: (item) => item, concurrency: 2 }, async (item) => {
      if (item === "slow") await new Promise((resolve) => setTimeout(resolve, 20));
      order.push(item);
    });
    assert.deepEqual(order, ["fast", "slow"]);
  });

  it("tell who stands behind one that is tried again", () => {
    const list = ["a1", "b1", "a2!", "a3", "b2", "a4!"];
    const found = waiting(
      list,
      (item) => item[0] as string,
      (item) => item.endsWith("!"),
    );
    assert.deepEqual([...found], ["a3", "a4!"]);
  });
});
