import { strict as assert } from "node:assert";
import * as fc from "fast-check";
import { emptiness } from "../../../automation/permissions/languages";
import { globMatches, textSet, UNKNOWN_TEXT } from "../../../automation/permissions/patterns";
import { addresses, disjoint, type IntervalSet } from "../../../automation/permissions/intervals";

const pattern = fc.array(fc.constantFrom("a", "b", "*", "?"), { maxLength: 5 }).map((parts) => parts.join(""));
const patterns = fc.array(pattern, { minLength: 1, maxLength: 3 });

/** All texts of a, b and c up to four letters. */
const words = [""];
for (let at = 0; words[at]!.length < 4; at++) words.push(...["a", "b", "c"].map((letter) => words[at] + letter));

describe("sets of texts", () => {
  it("are empty or not as trying all short texts says, with an example where not", () =>
    fc.assert(
      fc.property(
        fc.array(patterns, { minLength: 1, maxLength: 2 }),
        fc.array(patterns, { maxLength: 2 }),
        (within, without) => {
          const inside = (text: string) =>
            within.every((set) => set.some((each) => globMatches(each, text))) &&
            !without.some((set) => set.some((each) => globMatches(each, text)));
          const { empty, example } = emptiness({
            within: within.map((set) => textSet(set)),
            without: without.map((set) => textSet(set)),
          });
          if (empty) assert.equal(words.find(inside), undefined);
          else assert.ok(inside(example ?? "nothing"), `${example} is no example`);
        },
      ),
      { numRuns: 300 },
    ));

  it("a part that is not known is anything on one side and nothing on the other", () => {
    const unknown = textSet([`arn:${UNKNOWN_TEXT}`]);
    assert.equal(emptiness({ within: [unknown], without: [unknown] }).empty, false);
    assert.equal(emptiness({ within: [unknown], without: [textSet(["arn:*"])] }).empty, true);
    assert.equal(emptiness({ within: [textSet(["arn:x"])], without: [unknown] }).empty, false);
  });

  it("a variable is the same on both sides, and anything where it meets a name", () => {
    const home = textSet(["home/${aws:username}/*"], { variables: true });
    assert.equal(emptiness({ within: [home], without: [home] }).empty, true);
    assert.equal(emptiness({ within: [home, textSet(["home/alice/*"])], without: [] }).empty, false);
    assert.equal(emptiness({ within: [textSet(["home/alice/x"])], without: [home] }).empty, false);
    assert.equal(
      emptiness({ within: [home], without: [textSet(["home/?/*"])] }).empty,
      false,
      "? is one character, a name is many",
    );
  });

  it("patterns made to be slow are given up within bounds, and then count", () => {
    const slow = Array.from({ length: 30 }, (_, at) => `*${"ab".repeat(at + 2)}*${"ba".repeat(at + 2)}*a?b*`);
    const started = process.cpuUsage();
    const { empty } = emptiness({
      within: [textSet(["*c*"]), textSet(slow)],
      without: slow.map((each) => textSet([`${each}c`])),
    });
    assert.equal(empty, false);
    assert.ok(process.cpuUsage(started).user < 8_000_000, "it took too long");
  });
});

describe("ranges", () => {
  const range = (low: number, high: number, negated = false): IntervalSet => ({ intervals: [{ low, high }], negated });

  it("meet or not", () => {
    assert.equal(disjoint([range(1, 2), range(2, 3)]), false);
    assert.equal(disjoint([range(1, 2), range(3, 4)]), true);
    assert.equal(disjoint([range(1, 5), range(1, 5, true)]), true);
    assert.equal(disjoint([range(0, 5), range(1, 5, true)]), false);
  });

  it("of addresses: what is none is not taken for one", () => {
    for (const text of ["10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/8/8", "x", "", "10.0.0.0/-1", "10.0.0.0/ 8"]) {
      assert.equal(addresses(text), undefined, text);
    }
    assert.deepEqual(addresses("10.1.2.3/8"), addresses("10.0.0.0/8"), "the rest of the address does not matter");
    assert.deepEqual(addresses("2001:DB8::1"), addresses("2001:db8:0:0:0:0:0:1/128"));
    assert.deepEqual(addresses("::ffff:10.0.0.1"), addresses("::ffff:a00:1"));
  });
});
