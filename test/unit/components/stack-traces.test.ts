import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { leaveOutUnreadStacks } from "../../../components/stackTraces";

describe("stack traces of a program", () => {
  const before = Error.prepareStackTrace;
  after(() => (Error.prepareStackTrace = before));

  it("are left out for promises of Pulumi's SDK, and kept for errors, in the words of whoever mapped them before", async () => {
    Error.prepareStackTrace = (error, frames) => `mapped ${error.message}: ${frames.length > 0}`;
    leaveOutUnreadStacks();
    leaveOutUnreadStacks();
    // Of the SDK's inside: it has no types.
    const inside: string = "@pulumi/pulumi/runtime/debuggable";
    const { debuggablePromise } = (await import(inside)) as {
      debuggablePromise(promise: Promise<unknown>): Promise<unknown>;
    };
    const promise = Promise.resolve(1) as Promise<number> & { _debugStackTrace?: string };
    await debuggablePromise(promise);
    assert.equal(promise._debugStackTrace, "");
    assert.equal(new Error("mine").stack, "mapped mine: true");
    assert.equal(await new Promise((resolve) => pulumi.output(2).apply(resolve)), 2);
  });
});
