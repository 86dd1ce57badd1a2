import assert from "node:assert/strict";
import { flowCosts, type FlowUsage, totalOf } from "../../../automation/costs";

/** Nothing but what is asked for. */
const usage = (part: Partial<FlowUsage>): FlowUsage => ({
  objects: 1,
  functions: {},
  express: { executions: 0, seconds: 0 },
  standardTransitions: 0,
  dynamodb: { writeUnits: 0, readUnits: 0 },
  s3: { puts: 0, gets: 0 },
  sqs: { standard: 0, fifo: 0 },
  events: 0,
  logBytes: 0,
  ...part,
});

/** USD for a million objects, by what AWS's price pages say for a million of one thing. */
const cases: [what: string, part: Partial<FlowUsage>, usd: number][] = [
  ["an invocation", { functions: { f: { invocations: 1, milliseconds: 0, megabytes: 128 } } }, 0.2],
  [
    "a second of a GB of a function",
    { functions: { f: { invocations: 0, milliseconds: 1_000, megabytes: 1024 } } },
    16.67,
  ],
  ["an Express execution", { express: { executions: 1, seconds: 0 } }, 1],
  ["16 s of an Express execution of 64 MB", { express: { executions: 0, seconds: 16 } }, 16.67],
  ["a state of a Standard execution", { standardTransitions: 1 }, 25],
  ["a write", { dynamodb: { writeUnits: 1, readUnits: 0 } }, 0.625],
  ["a read", { dynamodb: { writeUnits: 0, readUnits: 1 } }, 0.125],
  ["a PUT", { s3: { puts: 1, gets: 0 } }, 5],
  ["a GET", { s3: { puts: 0, gets: 1 } }, 0.4],
  ["a request to a queue", { sqs: { standard: 1, fifo: 0 } }, 0.4],
  ["a request to a FIFO queue", { sqs: { standard: 0, fifo: 1 } }, 0.5],
  ["an event", { events: 1 }, 1],
  ["a KB of logs", { logBytes: 1_000 }, 0.5],
];

describe("what a million objects cost", () => {
  for (const [what, part, usd] of cases) {
    it(`${what} each: ${usd} USD`, () => {
      assert.ok(Math.abs(totalOf(flowCosts(usage(part))) - usd) < 0.01);
    });
  }

  it("is shared by the objects that used it", () => {
    const [one, ten] = [1, 10].map((objects) => totalOf(flowCosts(usage({ objects, standardTransitions: 9 }))));
    assert.ok(Math.abs((one ?? 0) / (ten ?? 1) - 10) < 1e-9);
  });

  it("is told by what it is for", () => {
    const lines = flowCosts(usage({ standardTransitions: 2, events: 3 }));
    assert.deepEqual(
      lines.filter(({ usd }) => usd > 0).map(({ what, usd }) => [what, Math.round(usd)]),
      [
        ["events", 3],
        ["Stage B's states", 50],
      ],
    );
  });
});
