import assert from "node:assert/strict";
import validate from "asl-validator";
import type { StateMachineDefinition } from "../../../components/stages/asl";
import { stageADefinition } from "../../../components/stages/stageADefinition";
import { stageBDefinition } from "../../../components/stages/stageBDefinition";
import { execute, type Functions, Thrown } from "./support/interpreter";

const lambda = (name: string) => `arn:aws:lambda:eu-west-1:123456789012:function:${name}:live`;
const stageA = stageADefinition(
  { preUpdate: lambda("pre"), process: lambda("process"), postUpdate: lambda("post"), error: lambda("error") },
  { partition: "aws", timeout: 298 },
);
const stageB = stageBDefinition(
  {
    processData: lambda("process"),
    checkJob: lambda("check"),
    crawlData: lambda("crawl"),
    postUpdate: lambda("post"),
    error: lambda("error"),
  },
  { partition: "aws", timeout: 86_400 },
);

/* eslint-disable @typescript-eslint/no-explicit-any -- definitions and data of state machines */
const item = (keyId: string, lastAttempt = false) => ({ ref: { keyId }, attempt: 1, lastAttempt });
const done = (items: any[]) => items.map(({ ref }) => ({ keyId: ref.keyId, status: "DONE" }));

function stageAFunctions(changes: Functions = {}): Functions {
  return {
    [lambda("pre")]: ({ items }) => ({ items, outcomes: [] }),
    [lambda("process")]: (state) => ({
      ...state,
      processed: state.items.map((one: any) => ({ item: one, preKey: one.ref.keyId, rows: 1 })),
      failed: [],
      failedCount: 0,
    }),
    [lambda("post")]: ({ outcomes, processed, failed, failedCount }) => ({
      outcomes: [...outcomes, ...done(processed.map((one: any) => one.item))],
      failed,
      failedCount,
    }),
    [lambda("error")]: ({ outcomes, failed }) => ({
      outcomes: [
        ...outcomes,
        ...failed.map((one: any) => ({
          keyId: one.item.ref.keyId,
          status: one.final ? "FAILED" : "RETRY",
          error: one.error,
        })),
      ],
    }),
    ...changes,
  };
}

describe("state machine definitions", function () {
  // The validator compiles its schemas at its first use.
  this.timeout(20_000);

  for (const [name, definition] of Object.entries({ stageA, stageB })) {
    it(`are valid: ${name}`, () => {
      const { isValid, errorsText } = validate(definition as never, { checkArn: true, checkPaths: true });
      assert.ok(isValid, errorsText("\n"));
    });

    it(`that are wrong are noticed: ${name}`, () => {
      const wrong: StateMachineDefinition = { ...definition, StartAt: "Nowhere" };
      assert.ok(!validate(wrong as never).isValid);
    });

    it(`keep under Step Functions' limit of 1 MB: ${name}`, () => {
      assert.ok(JSON.stringify(definition).length < 1_000_000);
    });

    it(`retry Lambda's own faults and end with a catch-all: ${name}`, () => {
      const states = Object.values(definition.States as Record<string, any>);
      const tasks = states.flatMap((state) =>
        state.Type === "Map" ? Object.values<any>(state.ItemProcessor.States) : [state],
      );
      const invoking = tasks.filter((state) => state.Type === "Task");
      assert.ok(invoking.length >= 4);
      for (const state of invoking) {
        assert.ok(state.Retry[0].ErrorEquals.includes("Lambda.TooManyRequestsException"));
        for (const handler of state.Catch ?? []) assert.deepEqual(handler.ErrorEquals, ["States.ALL"]);
      }
    });
  }
});

describe("stage A's definition", () => {
  it("leads a good batch through its states", async () => {
    const { path, output } = await execute(stageA, stageAFunctions(), { items: [item("a"), item("b")] });
    assert.deepEqual(path, ["PreUpdate", "AnythingToDo", "Process", "PostUpdate", "AnyFailed", "Done"]);
    assert.deepEqual(output, { outcomes: done([item("a"), item("b")]) });
  });

  it("answers at once when everything was decided before", async () => {
    const outcomes = [{ keyId: "a", status: "DONE" }];
    const functions = stageAFunctions({ [lambda("pre")]: () => ({ items: [], outcomes }) });
    const { path, output } = await execute(stageA, functions, { items: [item("a")] });
    assert.deepEqual(path, ["PreUpdate", "AnythingToDo", "Done"]);
    assert.deepEqual(output, { outcomes });
  });

  it("records failures in Error", async () => {
    const error = { code: "MalformedJson", message: "line 1" };
    const process = (state: any) => ({
      ...state,
      processed: [{ item: state.items[1], preKey: "b", rows: 1 }],
      failed: [{ item: state.items[0], error, final: true }],
      failedCount: 1,
    });
    const functions = stageAFunctions({ [lambda("process")]: process });
    const { path, output } = await execute(stageA, functions, { items: [item("a"), item("b")] });
    assert.deepEqual(path.slice(-3), ["AnyFailed", "Error", "Done"]);
    assert.deepEqual(output.outcomes, [...done([item("b")]), { keyId: "a", status: "FAILED", error }]);
  });

  it("processes each object alone when the batch breaks off, and blames only the one that breaks off again", async () => {
    const whole = stageAFunctions()[lambda("process")]!;
    const process = (state: any) => {
      if (state.items.some((one: any) => one.ref.keyId === "bad")) throw new Thrown("out of memory");
      return whole(state);
    };
    const functions = stageAFunctions({ [lambda("process")]: process });
    const items = [item("a"), item("bad"), item("c")];
    const { path, output } = await execute(stageA, functions, { items });
    assert.ok(path.includes("ProcessEachAlone"));
    const [a, c, bad] = output.outcomes;
    assert.deepEqual([a, c], done([item("a"), item("c")]));
    assert.equal(bad.status, "RETRY");
    assert.equal(bad.error.code, "ProcessCrashed");
    assert.match(bad.error.message, /^TypeError: .*out of memory/);
  });

  for (const keys of [["a"], ["a", "b"]]) {
    it(`keeps lists when ${keys.length} of ${keys.length} break off for the last time`, async () => {
      const functions = stageAFunctions({
        [lambda("process")]: () => {
          throw new Thrown("x".repeat(5_000));
        },
        [lambda("post")]: (state) => {
          assert.deepEqual([state.processed, state.outcomes, state.failedCount], [[], [], keys.length]);
          assert.equal(state.items.length, keys.length);
          return { outcomes: [], failed: state.failed, failedCount: state.failedCount };
        },
      });
      const { output } = await execute(stageA, functions, { items: keys.map((key) => item(key, true)) });
      assert.deepEqual(
        output.outcomes.map((one: any) => [one.keyId, one.status, one.error.message.length]),
        keys.map((key) => [key, "FAILED", 1_000]),
      );
    });
  }

  it("breaks off when PreUpdate does: its router tries again", async () => {
    const functions = stageAFunctions({
      [lambda("pre")]: () => {
        throw new Thrown("no table");
      },
    });
    await assert.rejects(execute(stageA, functions, { items: [item("a")] }), /no table/);
  });
});

describe("stage B's definition", () => {
  const input = { team: "t", dataset: "d", batchId: "b", startedAt: "now", items: [item("a")] };
  const pass = (state: any) => state;
  const functions = (changes: Functions = {}): Functions => ({
    [lambda("process")]: (state) => ({ ...state, processed: [], failed: [], failedCount: 0 }),
    [lambda("crawl")]: pass,
    [lambda("post")]: pass,
    [lambda("error")]: pass,
    ...changes,
  });

  it("leads a good batch through its states", async () => {
    const { path } = await execute(stageB, functions(), input);
    assert.deepEqual(path, ["ProcessData", "CrawlData", "PostUpdate", "AnyFailed", "Done"]);
  });

  it("sends failed objects to Error", async () => {
    const process = (state: any) => ({ ...state, processed: [], failed: [{}], failedCount: 1 });
    const { path } = await execute(stageB, functions({ [lambda("process")]: process }), input);
    assert.deepEqual(path.slice(-3), ["AnyFailed", "Error", "Done"]);
  });

  for (const role of ["process", "crawl", "post"]) {
    it(`sends the whole batch to Error when ${role} throws to the end`, async () => {
      const broken = {
        [lambda(role)]: () => {
          throw new Thrown("broken");
        },
      };
      const { path, output } = await execute(stageB, functions(broken), input);
      assert.deepEqual(path.slice(-2), ["Error", "Done"]);
      assert.deepEqual(output.items, input.items);
      assert.match(output.cause.Cause, /broken/);
    });
  }
});
