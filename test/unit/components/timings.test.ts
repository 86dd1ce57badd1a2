import assert from "node:assert/strict";
import { type Timings, misfits, timings } from "../../../components/stages/timings";

/** The timings with one value changed. */
function changed<Part extends keyof Timings>(part: Part, change: Partial<Timings[Part]> | Timings[Part]): Timings {
  const former = timings[part];
  return { ...timings, [part]: typeof former === "object" ? { ...former, ...(change as object) } : change };
}

describe("timings", () => {
  it("fit", () => {
    assert.deepEqual(misfits(timings), []);
  });

  const wrong: [string, Timings, RegExp][] = [
    ["a function that runs too long", changed("redrive", "901 seconds"), /function may run 900 s/],
    ["arrivals that come back too soon", changed("arrivals", { visibility: "60 seconds" }), /^arrivals/],
    ["states longer than their machine", changed("stageA", { process: "140 seconds" }), /stage A: its states/],
    ["an Express machine that runs too long", changed("stageA", { machine: "301 seconds" }), /Express/],
    ["a router that gives up before its machine", changed("stageA", { routing: "298 seconds" }), /outlast/],
    [
      "stage A's messages that come back too soon",
      changed("stageA", { visibility: "315 seconds" }),
      /stage A: a message/,
    ],
    ["a Stage B machine that ends too soon", changed("stageB", { machine: "10 minutes" }), /stage B: its states/],
    [
      "stage B's messages that come back too soon",
      changed("stageB", { visibility: "60 seconds" }),
      /stage B: a message/,
    ],
    [
      "events about stopped batches that come back too soon",
      changed("stageB", { stoppedVisibility: "60 seconds" }),
      /stage B: an event/,
    ],
  ];
  for (const [what, given, sentence] of wrong) {
    it(`notice ${what}`, () => {
      const found = misfits(given);
      assert.ok(
        found.some((one) => sentence.test(one)),
        found.join("; "),
      );
    });
  }
});
