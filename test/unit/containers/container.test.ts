import { strict as assert } from "node:assert";
import type { FunctionContainer } from "../../../automation/containers/container";
import { LAMBDA } from "../../../automation/containers/limits";
import { eventOf, fakeContainer } from "./support";

describe("an execution environment of a function", () => {
  const started: FunctionContainer[] = [];
  const start = async (...args: Parameters<typeof fakeContainer>) => {
    const container = await fakeContainer(...args);
    started.push(container);
    return container;
  };
  const errorOf = (payload: string) => JSON.parse(payload) as { errorType: string; errorMessage: string };

  afterEach(() => Promise.all(started.splice(0).map((container) => container.end())));

  it("hands events on with Lambda's headers, one after the other, to the same process", async () => {
    const container = await start();
    const before = Date.now();
    const first = await container.invoke({ ...eventOf({ a: 1 }), requestId: "the-id", traceId: "Root=1-2" });
    const { pid, headers, event } = JSON.parse(first.payload);
    assert.deepEqual(event, { a: 1 });
    assert.equal(headers["lambda-runtime-aws-request-id"], "the-id");
    assert.equal(headers["lambda-runtime-trace-id"], "Root=1-2");
    assert.equal(headers["lambda-runtime-invoked-function-arn"], "arn:of:function");
    const left = Number(headers["lambda-runtime-deadline-ms"]) - before;
    assert.ok(left >= 5000 && left < 8000, `the deadline is ${left} ms away, the timeout is 5000 ms`);
    const second = await container.invoke(eventOf({ a: 2 }));
    assert.equal(JSON.parse(second.payload).pid, pid);
  });

  it("keeps the type of the function's own error", async () => {
    const container = await start();
    const answer = await container.invoke(eventOf({ do: "throw", type: "SchemaMismatch", message: "no" }));
    assert.equal(answer.errorType, "SchemaMismatch");
    assert.deepEqual(errorOf(answer.payload), { errorType: "SchemaMismatch", errorMessage: "no" });
    assert.equal(container.ended, false);
  });

  it("gives each answer the lines of its own time", async () => {
    const container = await start();
    assert.equal((await container.invoke(eventOf({ do: "print", text: "one" }))).log, "one");
    assert.equal((await container.invoke(eventOf({ do: "print", text: "two" }))).log, "two");
  });

  it("ends a function whose time is up, and says so as Lambda does", async () => {
    const container = await start();
    const began = Date.now();
    const answer = await container.invoke(eventOf({ do: "sleep", ms: 20_000 }, 300));
    assert.ok(Date.now() - began < 5000);
    assert.deepEqual(errorOf(answer.payload), {
      errorType: "Sandbox.Timedout",
      errorMessage: "Task timed out after 0.30 seconds",
    });
    assert.equal(container.ended, true);
  });

  it("tells how a function ended that gave no answer", async () => {
    const answer = await (await start()).invoke({ ...eventOf({ do: "exit", code: 7 }), requestId: "r" });
    assert.deepEqual(errorOf(answer.payload), {
      errorType: "Runtime.ExitError",
      errorMessage: "RequestId: r Error: Runtime exited with error: exit status 7",
    });
    const killed = await (await start()).invoke(eventOf({ do: "kill" }));
    assert.match(errorOf(killed.payload).errorMessage, /signal: killed$/);
    assert.match(killed.log, /Runtime\.OutOfMemory/);
  });

  it("tells why a function did not get ready", async () => {
    const reported = await (await start({ FAKE_INIT: "error" })).invoke(eventOf({}));
    assert.deepEqual(errorOf(reported.payload), { errorType: "Runtime.ImportModuleError", errorMessage: "no handler" });
    const exited = await (await start({ FAKE_INIT: "exit" })).invoke(eventOf({}));
    assert.match(errorOf(exited.payload).errorMessage, /exit status 3$/);
    const hanging = await start({ FAKE_INIT: "hang" }, 200);
    const late = await hanging.invoke(eventOf({}));
    assert.equal(errorOf(late.payload).errorMessage, "Init timed out after 0.20 seconds");
    assert.equal(hanging.ended, true);
  });

  it("refuses an answer to a call that is not in progress", async () => {
    const answer = await (await start()).invoke(eventOf({ do: "wrong-id" }));
    const { status, body } = JSON.parse(answer.payload) as { status: number; body: string };
    assert.equal(status, 400);
    assert.match(body, /InvalidRequestID/);
  });

  it("refuses an answer that is larger than Lambda allows, and goes on", async () => {
    const container = await start();
    const answer = await container.invoke(eventOf({ do: "big", size: LAMBDA.responseBytes }));
    assert.equal(answer.errorType, "Function.ResponseSizeTooLarge");
    const allowed = await container.invoke(eventOf({ do: "big", size: LAMBDA.responseBytes - 2 }));
    assert.equal(allowed.payload.length, LAMBDA.responseBytes);
  });

  it("answers the call in progress when it is ended", async () => {
    const container = await start();
    const call = container.invoke(eventOf({ do: "sleep", ms: 20_000 }));
    await new Promise((resolve) => setTimeout(resolve, 300));
    await container.end();
    assert.equal((await call).errorType, "Runtime.ExitError");
  });
});
