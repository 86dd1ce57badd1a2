import { strict as assert } from "node:assert";
import { setTimeout as sleep } from "node:timers/promises";
import * as fc from "fast-check";
import type { Environment } from "../../../automation/stacks/environments";
import { overWaves } from "../../../automation/waves/over";
import { parallelStacks } from "../../../automation/waves/parallel";

const wavesOf = (sizes: number[]) =>
  sizes.map((size, wave) =>
    Array.from({ length: size }, (_, index) => ({ name: `s${wave}-${index}`, wave }) as Environment),
  );

describe("work over waves", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 });
  const run = fc.record({
    sizes,
    parallel: fc.integer({ min: 1, max: 5 }),
    failing: fc.array(fc.nat(15), { maxLength: 3 }),
    skipped: fc.array(fc.nat(15), { maxLength: 4 }),
    refusing: fc.option(fc.nat(3), { nil: undefined }),
  });

  it("begins no wave before the former is over, never more at a time than allowed, and none after a failure", async () => {
    await fc.assert(
      fc.asyncProperty(run, async ({ sizes, parallel, failing, skipped, refusing }) => {
        const waves = wavesOf(sizes);
        const all = waves.flat();
        const pick = (numbers: number[]) => new Set(numbers.map((number) => all[number % all.length]!.name));
        const [fails, skips] = [pick(failing), pick(skipped)];
        const skip = new Map([...skips].map((name) => [name, "because"]));
        const running = new Set<string>();
        const ended: Environment[] = [];
        const order = {
          parallel,
          skip,
          stopped: () => false,
          afterWave: async (wave: Environment[]) => wave[0]!.wave !== refusing,
        };
        const { settled, failedWave } = await overWaves(waves, order, async (stack) => {
          running.add(stack.name);
          assert.ok(running.size <= parallel);
          const before = all.filter(({ wave, name }) => wave < stack.wave && !skips.has(name));
          assert.ok(
            before.every((each) => ended.includes(each)),
            "the waves before are over",
          );
          await sleep(0);
          running.delete(stack.name);
          ended.push(stack);
          if (fails.has(stack.name)) throw new RangeError(stack.name);
          return stack.name;
        });
        const bad = all.filter(({ name }) => fails.has(name) && !skips.has(name)).map(({ wave }) => wave);
        const first = Math.min(...bad, refusing !== undefined && refusing < sizes.length ? refusing : Infinity);
        assert.equal(failedWave, Number.isFinite(first) ? first : undefined);
        for (const { name, wave } of all) {
          const expected = skips.has(name)
            ? undefined
            : wave > first
              ? "not started"
              : fails.has(name)
                ? "failed"
                : "done";
          assert.equal(settled.get(name)?.status, expected, name);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("begins nothing more after a Ctrl-C, and waits for what runs", async () => {
    let stopped = false;
    const order = { parallel: 1, stopped: () => stopped };
    const { settled, failedWave } = await overWaves(wavesOf([2, 1]), order, async ({ name }) => {
      stopped = true;
      await sleep(1);
      return name;
    });
    assert.deepEqual(
      [...settled.values()].map(({ status }) => status),
      ["done", "not started", "not started"],
    );
    assert.equal(failedWave, undefined);
  });

  it("is as wide as memory allows, and at least one stack", () => {
    assert.equal(parallelStacks(undefined, "built", 100e9), 16);
    assert.equal(parallelStacks(3, "built", 100e9), 3);
    assert.equal(parallelStacks(20, "built", 2.5e9), 5);
    assert.equal(parallelStacks(20, "official", 2.6e9), 3);
    assert.equal(parallelStacks(undefined, "official", 1e6), 1);
  });
});
