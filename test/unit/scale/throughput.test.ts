import assert from "node:assert/strict";
import { parseSettings } from "../../../automation/settings";
import { configOf, lake } from "../components/support/lake";
import { ofType, run } from "../components/support/mocks";

const settings = (throughput: object) =>
  parseSettings({
    project: "tributary",
    stack: "prod",
    values: { ...configOf("prod"), "tributary:throughput": JSON.stringify(throughput) },
  });

/** What each queue's mapping says about how fast it is emptied, by the queue. */
async function mappings(throughput: object) {
  const { resources } = await run(() => lake("prod", settings(throughput)).outputs, { stack: "prod" });
  return Object.fromEntries(
    ofType(resources, "aws:lambda/eventSourceMapping:EventSourceMapping").map(({ inputs }) => [
      String(inputs.eventSourceArn).split(":").at(-1)!.replace("tributary-prod-", ""),
      [inputs.maximumBatchingWindowInSeconds, inputs.scalingConfig?.maximumConcurrency],
    ]),
  );
}

describe("throughput", function () {
  // The first program loads all of Pulumi's AWS package.
  this.timeout(20_000);

  it("is not limited where nothing is said; arrivals are gathered for a second", async () => {
    const found = await mappings({});
    assert.deepEqual(found["arrivals"], [1, undefined]);
    assert.deepEqual(found["engineering-meteorites-a.fifo"], [undefined, undefined]);
  });

  it("is limited for the arrivals and for each stage of a dataset; FIFO queues take no window", async () => {
    const maximumConcurrency = { arrivals: 5, stageA: 20, stageB: 2 };
    const found = await mappings({ window: "20 seconds", maximumConcurrency });
    assert.deepEqual(found["arrivals"], [20, 5]);
    assert.deepEqual(found["engineering-meteorites-a.fifo"], [undefined, 20]);
    assert.deepEqual(found["engineering-meteorites-b.fifo"], [undefined, 2]);
  });

  const wrong: [what: string, given: object, message: RegExp][] = [
    ["a window of no time", { window: "0 seconds" }, /throughput\.window.*"0 seconds".*from "1 second" to "5 minutes"/],
    ["a window longer than Lambda waits", { window: "6 minutes" }, /throughput\.window.*"6 minutes"/],
    [
      "one invocation at a time",
      { maximumConcurrency: { stageA: 1 } },
      /stageA.*found 1; allowed: a whole number from 2 to 1000/,
    ],
    ["an unknown queue", { maximumConcurrency: { stageC: 2 } }, /stageC.*allowed: arrivals, stageA, stageB/],
  ];
  for (const [what, given, message] of wrong) {
    it(`refuses ${what}`, () => assert.throws(() => settings(given), { code: "InvalidSettings", message }));
  }
});
