import assert from "node:assert/strict";
import jsonata from "jsonata";

/* eslint-disable @typescript-eslint/no-explicit-any -- definitions and data of state machines */
/** What tasks do: functions by their ARN, what Step Functions itself calls by the resource. */
export type Functions = Record<string, (input: any) => any>;

/** A thrown error as Lambda reports it. */
export class Thrown extends TypeError {
  /** @param code name of the error; @param cause what Step Functions tells of it */
  constructor(
    message: string,
    readonly code?: string,
    override readonly cause?: string,
  ) {
    super(message);
  }
}

/**
 * Runs a definition the way Step Functions does, as far as ours go: Task (Arguments, Output, Catch), Choice, Map, Pass, Wait,
 * Succeed, in JSONata. Retries are not played: a function that throws here has thrown to the end.
 */
export async function execute(
  definition: any,
  functions: Functions,
  input: any,
): Promise<{ path: string[]; output: any }> {
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
    const { code = "TypeError", message, cause = JSON.stringify({ errorMessage: message }) } = error;
    const errorOutput = { Error: code, Cause: cause };
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
    const { FunctionName, Payload, ...rest } = await evaluate(state.Arguments, { input });
    if (FunctionName !== undefined) return { Payload: functions[FunctionName]!(Payload) };
    for (const limit of ["TimeoutSeconds"])
      if (limit in state) assert.ok((await evaluate(state[limit], { input })) > 0);
    return functions[state.Resource.split(":::")[1]]!(rest);
  }
  if (state.Type !== "Map") return input;
  const items: any[] = await evaluate(state.Items, { input });
  if ("MaxConcurrency" in state) assert.ok((await evaluate(state.MaxConcurrency, { input })) >= 1);
  const runs = items.map(async (Value) => {
    const each = await evaluate(state.ItemSelector, { input, context: { Map: { Item: { Value } } } });
    return (await execute(state.ItemProcessor, functions, each)).output;
  });
  return Promise.all(runs);
}

/** The ARN of every execution here. */
export const executionArn = "arn:aws:states:eu-west-1:123456789012:express:machine:execution";

async function evaluate(value: any, states: { context?: object; [name: string]: unknown }): Promise<any> {
  if (Array.isArray(value)) return Promise.all(value.map((one) => evaluate(one, states)));
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).map(async ([key, one]) => [key, await evaluate(one, states)]);
    return Object.fromEntries(await Promise.all(entries));
  }
  const expression = typeof value === "string" ? /^{%(.*)%}$/s.exec(value)?.[1] : undefined;
  if (expression === undefined) return value;
  const context = { Execution: { Id: executionArn }, ...states.context };
  const found = await jsonata(expression).evaluate({}, { states: { ...states, context } });
  if (found === undefined) throw new RangeError(`${value} gives nothing, which Step Functions refuses`);
  return JSON.parse(JSON.stringify(found));
}
