import assert from "node:assert/strict";
import type { Context } from "aws-lambda";
import { describing } from "../../../layer/describe";
import { handle, handleQueue } from "../../../layer/handlers";
import { redriveRequestSchema } from "../../../layer/messages";

const context = { functionName: "tributary-dev-routing", functionVersion: "7" } as Context;
const event = { tributary: "describe" } as const;
const work = () => assert.fail("the function worked");

describe("a function that is asked what it is", () => {
  afterEach(() => delete process.env.IMAGE_DIGEST);

  const handlers = {
    "called directly": handle(redriveRequestSchema, work),
    "of a queue": handleQueue("standard", work),
    "of a FIFO queue": handleQueue("fifo", work),
  };
  for (const [kind, handler] of Object.entries(handlers)) {
    it(`answers with the digest it was deployed by, and does nothing else: ${kind}`, async () => {
      process.env.IMAGE_DIGEST = "sha256:1";
      const answer = await (handler as (event: unknown, context: Context) => Promise<unknown>)(event, context);
      assert.deepEqual(answer, { function: "tributary-dev-routing", version: "7", digest: "sha256:1" });
    });
  }

  it("has no digest where it is an archive", async () => {
    const answer = await describing<unknown, unknown>(work)(event, context);
    assert.deepEqual(answer, { function: "tributary-dev-routing", version: "7", digest: null });
  });

  for (const other of [{}, null, "describe", [], { tributary: "other" }, { tributary: "describe", Records: [] }]) {
    it(`works as ever when the event is ${JSON.stringify(other)}`, async () => {
      const handler = describing<unknown, unknown>(async (given) => ({ given }));
      assert.deepEqual(await handler(other, context), { given: other });
    });
  }
});
