import fc from "fast-check";
import assert from "node:assert/strict";
import { handle } from "../../../layer/handlers";
import { log } from "../../../layer/log";
import { redriveRequestSchema, stageAInputSchema, stageAStateSchema } from "../../../layer/messages";
import { PRICES } from "../../../layer/prices";
import { executionCost, nanodollars, objectCost, type Used } from "../../../layer/usage";

const now = () => new Date().toISOString();
const gigabyteSecond = PRICES.lambdaGigabyteSecond[process.arch === "arm64" ? "arm64" : "x86_64"];

describe("layer: what an execution costs", () => {
  it("is what its functions used, its states, and what was bought elsewhere", () => {
    const used: Used[] = [
      { by: "stage-b-process-data", milliseconds: 2_000, megabytes: 2_048 },
      { by: "glue", milliseconds: 60_000, megabytes: 0, dpuSeconds: 120 },
      { by: "athena", milliseconds: 100, megabytes: 0, bytesScanned: 1e9 },
    ];
    const cost = executionCost({ stage: "B", startedAt: now(), used });
    const expected =
      4 * gigabyteSecond + PRICES.lambdaRequest + 5 * PRICES.standardTransition + (120 * 0.44) / 3600 + 0.005;
    assert.ok(Math.abs(cost - expected) < 1e-12, `${cost} is not ${expected}`);
  });

  it("counts the time that somebody waits for Stage A", () => {
    const startedAt = new Date(Date.now() - 4_000).toISOString();
    const waited = executionCost({ stage: "A", startedAt });
    // 4 s of 64 MB of an Express execution and of 256 MB of the function that waits.
    const least = PRICES.expressRequest + 0.25 * PRICES.expressGigabyteSecond + gigabyteSecond;
    assert.ok(waited >= least && waited < least * 1.1, `${waited}`);
  });

  it("is shared by all objects, the larger ones paying more, and nothing is lost", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(10_000_000), { minLength: 1, maxLength: 50 }),
        fc.nat(900_000),
        (sizes, milliseconds) => {
          const execution = {
            stage: "B" as const,
            startedAt: now(),
            used: [{ by: "f", milliseconds, megabytes: 1_024 }],
          };
          const each = objectCost(execution, sizes);
          const own = PRICES.s3Get + PRICES.s3Put + 10 * PRICES.dynamodbWrite;
          const sum = sizes.reduce((total, size) => total + each(size, 1) - own, 0);
          assert.ok(Math.abs(sum - executionCost(execution)) < 1e-9 * (sizes.length + 1));
          const [small, large] = [Math.min(...sizes), Math.max(...sizes)];
          assert.ok(each(large, 1) >= each(small, 1));
          assert.ok(Number.isInteger(nanodollars(each(small, 1))));
        },
      ),
    );
  });
});

describe("layer: handlers of state machines", () => {
  const context = { functionName: "f" } as never;

  before(() => log.setLogLevel("SILENT"));

  it("add what they used to what was used before, and others tell nothing of it", async () => {
    process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE = "512";
    const first = handle(stageAInputSchema, async ({ items }) => ({ items, outcomes: [] }));
    const second = handle(stageAStateSchema, async ({ outcomes }) => ({ outcomes }));
    const { used: one = [] } = (await first({ items: [] }, context)) as { used?: Used[] };
    const { used: both = [] } = (await second({ used: one }, context)) as { used?: Used[] };
    assert.deepEqual([one.length, both.length], [1, 2]);
    for (const { milliseconds, megabytes } of both) assert.ok(milliseconds >= 1 && megabytes === 512);
    const other = handle(redriveRequestSchema, async () => ({ redriven: 0 }));
    assert.deepEqual(await other({ team: "t", dataset: "d" }, context), { redriven: 0 });
    delete process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE;
  });
});
