import { strict as assert } from "node:assert";
import * as fc from "fast-check";
import { chunk } from "../../../layer/chunk";

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);

describe("chunks", () => {
  it("keep all items in order, within every limit, and none could hold the next one's first item", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(20)),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 5 }),
        (items, bytes, count) => {
          const chunks = chunk(items, { most: bytes, of: (item) => item }, { most: count, of: () => 1 });
          assert.deepEqual(chunks.flat(), items);
          chunks.forEach((one, index) => {
            assert.ok(one.length === 1 || (sum(one) <= bytes && one.length <= count));
            const next = chunks[index + 1]?.[0];
            assert.ok(next === undefined || one.length === count || sum(one) + next > bytes);
          });
        },
      ),
    );
  });
});
