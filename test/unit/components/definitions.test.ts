import assert from "node:assert/strict";
import validate from "asl-validator";
import jsonata from "jsonata";
import type { StateMachineDefinition } from "../../../components/stages/asl";
import { stageADefinition } from "../../../components/stages/stageADefinition";
import { stageBDefinition } from "../../../components/stages/stageBDefinition";

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
  { partition: "aws", timeout: 86_400, poll: 15 },
);

/* eslint-disable @typescript-eslint/no-explicit-any -- definitions and data of state machines */
type Functions = Record<string, (input: any) => any>;

/** A thrown error as Lambda reports it. */
class Thrown extends TypeError {}

/**
 * Runs a definition the way Step Functions does, as far as ours go: Task (Arguments, Output, Catch), Choice, Map, Pass, Wait,
 * Succeed, in JSONata. Retries are not played: a function that throws here has thrown to the end.
 */
async function execute(definition: any, functions: Functions, input: any): Promise<{ path: string[]; output: any }> {
  const path: string[] = [];
  let [name, data] = [definition.StartAt as string, input];
  for (let steps = 0; steps < 50; steps++) {
    path.push(name);
    const step = await run(definition.States[name], functions, data);
    data = step.data;
    if (step.next === undefined) return { path, output: data };
    name = step.next;
  }
  throw new RangeError(`no end after ${path.join(", ")}`);
}

async function run(state: any, functions: Functions, input: any): Promise<{ data: any; next?: string }> {
  try {
    if (state.Type === "Choice") return { data: input, next: await choose(state, input) };
    const result = await work(state, functions, input);
    const data = "Output" in state ? await evaluate(state.Output, { input, result }) : result;
    return { data, next: state.Next };
  } catch (error) {
    const handler = state.Catch?.[0];
    if (!(error instanceof Thrown) || handler === undefined) throw error;
    assert.deepEqual(handler.ErrorEquals, ["States.ALL"]);
    const errorOutput = { Error: "TypeError", Cause: JSON.stringify({ errorMessage: error.message }) };
    return { data: await evaluate(handler.Output, { input, errorOutput }), next: handler.Next };
  }
}

async function choose(state: any, input: any): Promise<string> {
  for (const choice of state.Choices) {
    if ((await evaluate(choice.Condition, { input })) === true) return choice.Next;
  }
  return state.Default;
}

async function work(state: any, functions: Functions, input: any): Promise<any> {
  if (state.Type === "Task") {
    const { FunctionName, Payload } = await evaluate(state.Arguments, { input });
    return { Payload: functions[FunctionName]!(Payload) };
  }
  if (state.Type !== "Map") return input;
  const items: any[] = await evaluate(state.Items, { input });
  const runs = items.map(async (Value) => {
    const each = await evaluate(state.ItemSelector, { input, context: { Map: { Item: { Value } } } });
    return (await execute(state.ItemProcessor, functions, each)).output;
  });
  return Promise.all(runs);
}

async function evaluate(value: any, states: object): Promise<any> {
  if (Array.isArray(value)) return Promise.all(value.map((one) => evaluate(one, states)));
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).map(async ([key, one]) => [key, await evaluate(one, states)]);
    return Object.fromEntries(await Promise.all(entries));
  }
  const expression = typeof value === "string" ? /^{%(.*)%}$/s.exec(value)?.[1] : undefined;
  if (expression === undefined) return value;
  const found = await jsonata(expression).evaluate({}, { states });
  if (found === undefined) throw new RangeError(`${value} gives nothing, which Step Functions refuses`);
  return JSON.parse(JSON.stringify(found));
}

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
      assert.ok(invoking.length >= 5);
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
  const settled = { status: "SUCCEEDED", id: "b" };
  const pass = (state: any) => state;
  const functions = (changes: Functions = {}): Functions => ({
    [lambda("process")]: (state) => ({ ...state, job: settled, processed: [], failed: [], failedCount: 0 }),
    [lambda("check")]: pass,
    [lambda("crawl")]: pass,
    [lambda("post")]: pass,
    [lambda("error")]: pass,
    ...changes,
  });

  it("leads a good batch through its states", async () => {
    const { path } = await execute(stageB, functions(), input);
    assert.deepEqual(path, ["ProcessData", "CheckJob", "JobDone", "CrawlData", "PostUpdate", "AnyFailed", "Done"]);
  });

  it("waits for a job that still runs", async () => {
    const states = ["RUNNING", "RUNNING", "SUCCEEDED"];
    const check = (state: any) => ({ ...state, job: { status: states.shift(), id: "b" } });
    const { path } = await execute(stageB, functions({ [lambda("check")]: check }), input);
    assert.equal(path.filter((name) => name === "WaitForJob").length, 2);
    assert.equal(path.at(-1), "Done");
  });

  it("sends failed objects to Error", async () => {
    const process = (state: any) => ({ ...state, job: settled, processed: [], failed: [{}], failedCount: 1 });
    const { path } = await execute(stageB, functions({ [lambda("process")]: process }), input);
    assert.deepEqual(path.slice(-3), ["AnyFailed", "Error", "Done"]);
  });

  it("tells Error when the job failed", async () => {
    const check = (state: any) => ({ ...state, job: { status: "FAILED", id: "b" } });
    const { path, output } = await execute(stageB, functions({ [lambda("check")]: check }), input);
    assert.deepEqual(path.slice(-3), ["JobFailed", "Error", "Done"]);
    assert.equal(output.cause.Error, "JobFailed");
    assert.match(output.cause.Cause, /"id":"b"/);
  });

  for (const role of ["process", "check", "crawl", "post"]) {
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
