import { strict as assert } from "node:assert";
import * as fc from "fast-check";
import { orderStacks, type OrderedStack } from "../../../automation/selection/order";
import { generatedStacks } from "./stacks";

const stack = (name: string, dependsOn: string[] = [], wave?: number): OrderedStack => ({
  name,
  dependsOn,
  ...(wave === undefined ? {} : { wave }),
});

/** Stacks that depend only on those before them and stand in no earlier wave: there is always an order. */
const possible = fc
  .array(fc.record({ wave: fc.nat(3), picks: fc.array(fc.nat(1_000), { maxLength: 4 }) }), { maxLength: 60 })
  .chain((drawn) => {
    const stacks: Required<OrderedStack>[] = [];
    for (const { wave, picks } of drawn) {
      const before = stacks.length === 0 ? [] : picks.map((pick) => stacks[pick % stacks.length]!);
      const lowest = Math.max(0, ...before.map((each) => each.wave));
      const name = `s${stacks.length}`;
      stacks.push({ name, dependsOn: before.map((each) => each.name), wave: Math.max(lowest, wave) });
    }
    return fc.shuffledSubarray(stacks, { minLength: stacks.length });
  });

const groupOf = (groups: string[][]) =>
  new Map(groups.flatMap((group, index) => group.map((name) => [name, index] as const)));

/** Earliest group of each stack, by the definition: one later than the latest that it waits for. */
function earliest(stacks: readonly Required<OrderedStack>[]): Map<string, number> {
  const level = new Map<string, number>();
  const byName = new Map(stacks.map((each) => [each.name, each]));
  const of = (each: Required<OrderedStack>): number => {
    const known = level.get(each.name);
    if (known !== undefined) return known;
    const before = [
      ...each.dependsOn.map((name) => byName.get(name)!),
      ...stacks.filter((other) => other.wave < each.wave),
    ];
    const found = before.length === 0 ? 0 : 1 + Math.max(...before.map(of));
    level.set(each.name, found);
    return found;
  };
  stacks.forEach(of);
  return level;
}

describe("the order of stacks", () => {
  it("never breaks a dependency or a wave, holds every stack once, and has each as early as possible", () => {
    fc.assert(
      fc.property(possible, (stacks) => {
        const groups = orderStacks(stacks);
        const place = groupOf(groups);
        assert.equal(groups.flat().length, stacks.length);
        assert.equal(place.size, stacks.length);
        for (const { name, dependsOn, wave } of stacks) {
          for (const before of dependsOn) assert.ok(place.get(before)! < place.get(name)!, `${before} before ${name}`);
          for (const other of stacks) {
            if (other.wave < wave) assert.ok(place.get(other.name)! < place.get(name)!);
          }
        }
        assert.deepEqual(new Map([...place].sort()), new Map([...earliest(stacks)].sort()));
        assert.ok(groups.every((group) => group.length > 0));
      }),
      { numRuns: 150 },
    );
  });

  it("is the same whatever order the stacks are given in", () => {
    fc.assert(
      fc.property(possible, (stacks) => {
        assert.deepEqual(orderStacks(stacks), orderStacks([...stacks].reverse()));
      }),
      { numRuns: 50 },
    );
  });

  it("takes less than 100 ms for 1,000 stacks whose dependencies cross regions and accounts", () => {
    const stacks = generatedStacks(1_000);
    const times = [1, 2, 3].map(() => {
      const started = performance.now();
      assert.equal(orderStacks(stacks).flat().length, 1_000);
      return performance.now() - started;
    });
    // The quickest: others use this machine, too.
    assert.ok(Math.min(...times) < 100, `${times.join(", ")} ms`);
  });

  it("names the circle, and only the circle", () => {
    const stacks = [stack("z", ["a"]), stack("a", ["b"]), stack("b", ["c"]), stack("c", ["a"]), stack("free")];
    assert.throws(() => orderStacks(stacks), {
      code: "StackCycle",
      exitCode: 2,
      message: /circle: (a waits for b waits for c waits for a|b waits.*for b|c waits.*for c)$/,
    });
    assert.throws(() => orderStacks([stack("self", ["self"])]), { message: /circle: self waits for self$/ });
  });

  it("finds every circle, and names only stacks that really wait for each other", () => {
    const any = fc.array(fc.array(fc.nat(7), { maxLength: 3 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(any, (edges) => {
        const stacks = edges.map((to, index) =>
          stack(
            `s${index}`,
            to.map((each) => `s${each % edges.length}`),
          ),
        );
        const reaches = (from: number, to: number, seen = new Set<number>()): boolean =>
          edges[from]!.some((each) => {
            const next = each % edges.length;
            if (next === to) return true;
            if (seen.has(next)) return false;
            seen.add(next);
            return reaches(next, to, seen);
          });
        const circular = stacks.some((_, index) => reaches(index, index));
        if (!circular) return void orderStacks(stacks);
        try {
          orderStacks(stacks);
        } catch (error) {
          const named = (error as Error).message.replace(/^.*circle: /, "").split(" waits for ");
          assert.equal(named[0], named.at(-1));
          const pairs = named.slice(1).map((to, index) => [named[index]!, to] as const);
          for (const [from, to] of pairs) assert.ok(stacks.find(({ name }) => name === from)!.dependsOn.includes(to));
          return;
        }
        assert.fail("a circle was not found");
      }),
      { numRuns: 200 },
    );
  });

  it("refuses a dependency on a stack of a later wave", () => {
    const stacks = [stack("early", ["late"], 0), stack("late", [], 1)];
    assert.throws(() => orderStacks(stacks), {
      code: "StackCycle",
      message: /circle: (early waits for late waits for an earlier wave waits for early|late waits.*for late)$/,
      next: /tributary:waves/,
    });
  });

  it("refuses a dependency on nothing, unless it is known to be elsewhere, and a name given twice", () => {
    assert.throws(() => orderStacks([stack("dev", ["images"])]), {
      code: "UnknownStack",
      message: "stack dev depends on images, which is not there; there are: dev",
    });
    assert.deepEqual(
      orderStacks([stack("dev", ["images"])], (name) => name === "images"),
      [["dev"]],
    );
    assert.throws(() => orderStacks([stack("dev"), stack("dev")]), { code: "SameStack" });
  });
});
