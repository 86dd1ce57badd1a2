import { strict as assert } from "node:assert";
import { createRequire } from "node:module";
import { libraryContext } from "../../../automation";
import { silent } from "../../../automation/events";

describe("the driver as a library", () => {
  it("is found under the name that its documentation uses", () => {
    const library = createRequire(__filename)("tributary/automation") as Record<string, unknown>;
    for (const name of [
      "deployEnvironment",
      "previewEnvironment",
      "environmentStacks",
      "eventStream",
      "libraryContext",
    ]) {
      assert.equal(typeof library[name], "function", name);
    }
  });

  it("listens to the signal that it is given, and to none of the process", async () => {
    const { signal } = new AbortController();
    const before = process.listenerCount("SIGINT");
    const context = libraryContext("/checkout", { signal });
    assert.equal(context.signal, signal);
    assert.equal(context.sink, silent);
    assert.equal(await context.shield(() => Promise.resolve(1), assert.fail), 1);
    assert.equal(process.listenerCount("SIGINT"), before);
  });
});
