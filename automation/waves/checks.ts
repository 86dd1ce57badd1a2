import { createRequire } from "node:module";
import { isDeepStrictEqual } from "node:util";
import type * as cloudwatch from "@aws-sdk/client-cloudwatch";
import { InvokeCommand } from "@aws-sdk/client-lambda";
import type { CommandContext } from "../commands/context";
import { step } from "../events";
import { connect, type Lake } from "../lake/connect";
import { lastWords } from "../lake/remote";
import { query } from "../lake/query";
import type { Check, Expectation } from "../settings/driver";
import type { Environment } from "../stacks/environments";
import { isRecord } from "../json";

/** What came of one check on one stack. */
export interface CheckResult {
  stack: string;
  /** The check in words. */
  check: string;
  ok: boolean;
  /** What was found. */
  found: string;
}

/** What a check found: undefined when all is well. */
type Finding = string | undefined;

/**
 * Does what `tributary:checks` declares on a deployed stack. A check that cannot be done has failed: an answer that nobody has
 * is no good one.
 */
export async function runChecks(context: CommandContext, stack: Environment): Promise<CheckResult[]> {
  if (stack.checks.length === 0) return [];
  const work = async (): Promise<CheckResult[]> => {
    let lake: Lake;
    try {
      lake = await connect(context.root, stack);
    } catch (error) {
      return stack.checks.map((check) => failed(stack, check, error));
    }
    try {
      return await Promise.all(stack.checks.map((check) => runCheck(context, stack, lake, check)));
    } finally {
      lake.close();
    }
  };
  return step(context.sink, `Check ${stack.name}`, work, stack.name);
}

async function runCheck(context: CommandContext, stack: Environment, lake: Lake, check: Check): Promise<CheckResult> {
  try {
    const finding = await find(context, stack, lake, check);
    return {
      stack: stack.name,
      check: describeCheck(check),
      ok: finding === undefined,
      found: finding ?? "as expected",
    };
  } catch (error) {
    return failed(stack, check, await lake.explain(error));
  }
}

function failed(stack: Environment, check: Check, error: unknown): CheckResult {
  return { stack: stack.name, check: describeCheck(check), ok: false, found: lastWords(error) };
}

/** A check in words, e.g. `query select 1 = 1`. */
export function describeCheck(check: Check): string {
  if ("query" in check) return `query ${check.query.trim().slice(0, 200)}`;
  return "function" in check ? `function ${check.function}` : "alarms none";
}

function find(context: CommandContext, stack: Environment, lake: Lake, check: Check): Promise<Finding> {
  if ("query" in check) return findByQuery(context, lake, check.query, check.expect);
  return "function" in check ? findByFunction(lake, check) : findAlarms(stack, lake);
}

async function findByQuery({ signal }: CommandContext, lake: Lake, sql: string, expect: Expectation): Promise<Finding> {
  const { columns, rows } = await query(lake, sql, signal);
  const value = rows[0]?.[columns[0] ?? ""];
  return meets(value, expect) ? undefined : `found ${show(value)}, expected ${show(expect)}`;
}

const comparison = /^\s*(<=|>=|!=|<|>)\s*(-?\d+(?:\.\d+)?)\s*$/;

/** Whether a value is what a check expects: the same text, or a number for which the comparison holds. */
export function meets(value: unknown, expect: Expectation): boolean {
  const [, operator, limit] = (typeof expect === "string" && comparison.exec(expect)) || [];
  if (operator === undefined)
    return value !== undefined && value !== null && String(value as string) === String(expect);
  const number = typeof value === "number" ? value : Number.parseFloat(String(value));
  const than = Number(limit);
  if (!Number.isFinite(number)) return false;
  const holds = {
    "<": number < than,
    "<=": number <= than,
    ">": number > than,
    ">=": number >= than,
    "!=": number !== than,
  };
  return holds[operator as keyof typeof holds];
}

async function findByFunction(lake: Lake, check: Extract<Check, { function: string }>): Promise<Finding> {
  const { functions } = lake.outputs;
  const name = Object.hasOwn(functions, check.function) ? functions[check.function] : undefined;
  if (name === undefined) return `there is no such function; there are: ${Object.keys(functions).sort().join(", ")}`;
  const event = check.event ?? { tributary: "describe" };
  const answer = await lake.lambda.send(new InvokeCommand({ FunctionName: name, Payload: JSON.stringify(event) }));
  const text = Buffer.from(answer.Payload ?? []).toString("utf8");
  if (answer.FunctionError !== undefined) return `it failed (${answer.FunctionError}): ${text.slice(0, 500)}`;
  if (check.expect === undefined) return undefined;
  const value = parse(text);
  return includes(value, check.expect) ? undefined : `answered ${show(value)}, expected ${show(check.expect)}`;
}

/** Whether an answer has everything that is expected: of an object each key that is named, of all else the same value. */
export function includes(value: unknown, expected: unknown): boolean {
  if (!isRecord(expected) || !isRecord(value)) return isDeepStrictEqual(value, expected);
  return Object.entries(expected).every(([key, inner]) => Object.hasOwn(value, key) && includes(value[key], inner));
}

async function findAlarms({ project, env }: Environment, lake: Lake): Promise<Finding> {
  const { CloudWatchClient, DescribeAlarmsCommand } = load();
  const { region, credentials, endpoint, requestHandler } = lake.lambda.config;
  const given = endpoint === undefined ? {} : { endpoint };
  const client = new CloudWatchClient({ region, credentials, requestHandler, ...given });
  const names: string[] = [];
  let NextToken: string | undefined;
  do {
    const request = { AlarmNamePrefix: `${project}-${env}-`, StateValue: "ALARM" as const, NextToken };
    const page = await client.send(new DescribeAlarmsCommand(request));
    const all = [...(page.MetricAlarms ?? []), ...(page.CompositeAlarms ?? [])];
    names.push(...all.map(({ AlarmName }) => AlarmName ?? ""));
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  return names.length === 0 ? undefined : `in alarm: ${names.sort().join(", ")}`;
}

/** Loaded when it is needed: most environments look at no alarms. */
const load = () => createRequire(__filename)("@aws-sdk/client-cloudwatch") as typeof cloudwatch;

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function show(value: unknown): string {
  const text = value === undefined ? "nothing" : JSON.stringify(value);
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
