import { z } from "zod";
import { userError } from "../errors";
import { isRegion, leaf, secretsProvider, yesOrNo } from "./values";
import { isRecord } from "../json";

/** What is looked at when all stacks of a wave are deployed; each stack is asked by itself. */
export type Check =
  /** SQL on the stack's lake; the first cell of the answer is compared. */
  | { query: string; expect: Expectation }
  /** A function of the lake is invoked; without `expect` it only has to answer without an error. */
  | { function: string; event?: unknown; expect?: unknown }
  /** No alarm of the environment in that region may be in alarm. */
  | { alarms: "none" };

/** A value, or a comparison with a number such as `"> 0"`. */
export type Expectation = string | number | boolean;

const onlyKeys = (value: object, ...allowed: string[]) => Object.keys(value).every((key) => allowed.includes(key));

const isScalar = (value: unknown) => ["string", "number", "boolean"].includes(typeof value);

const isText = (value: unknown, longest: number) =>
  typeof value === "string" && value.trim() !== "" && value.length <= longest;

/** Whether a value is a check as the setting `checks` takes it. */
function isCheck(value: unknown): value is Check {
  if (!isRecord(value)) return false;
  if ("query" in value)
    return onlyKeys(value, "query", "expect") && isText(value.query, 10_000) && isScalar(value.expect);
  if ("function" in value)
    return onlyKeys(value, "function", "event", "expect") && /^[a-z][a-z0-9-]{0,62}$/.test(String(value.function));
  return onlyKeys(value, "alarms") && value.alarms === "none";
}

/** Most regions of an environment: AWS has fewer. */
const mostRegions = 60;

function isWaves(value: unknown): value is string[][] {
  if (!Array.isArray(value) || value.length === 0) return false;
  if (!value.every((wave) => Array.isArray(wave) && wave.length > 0 && wave.every(isRegion))) return false;
  const regions = (value as string[][]).flat();
  return regions.length <= mostRegions && new Set(regions).size === regions.length;
}

const rolePattern = /^arn:aws[a-z-]*:iam::(\d{12}):role\/[\w+=,.@/-]{1,512}$/;

/** Declared checks. A list in a setting: Pulumi hands objects and lists over as they are. */
export const checks = leaf<Check[]>(
  (value) => Array.isArray(value) && value.length <= 50 && value.every(isCheck),
  'a list of { query: "<SQL>", expect: <value, or a comparison such as "> 0"> }, { function: <name>, event?, expect? } and { alarms: none }',
);

/** Settings that the driver reads itself, before there is a program. */
export const driverShape = {
  /** Regions by waves, e.g. `[[eu-west-1], [us-east-1, us-west-2]]`; without it one wave with `aws:region`. */
  waves: leaf<string[][]>(
    isWaves,
    "a list of waves, each a list of different AWS regions, e.g. [[eu-west-1], [us-east-1]]",
  ).optional(),
  /** The account that the environment is in; another one stops every command before anything is touched. */
  account: leaf<string | number>(
    (value) => /^\d{12}$/.test(String(value)),
    '12 digits in quotation marks, e.g. "123456789012"',
  ).optional(),
  /** Role that is assumed for everything that is done in the environment. */
  role: leaf<string>(
    (value) => typeof value === "string" && rolePattern.test(value),
    'the ARN of a role, e.g. "arn:aws:iam::123456789012:role/deployment"',
  ).optional(),
  /** The key that encrypts secrets in its states, as Pulumi's `--secrets-provider` takes it. Without it, a passphrase does. */
  secretsProvider: secretsProvider.optional(),
  /** `local`: served by the local AWS of the checkout. */
  target: leaf<"aws" | "local">((value) => ["aws", "local"].includes(value), "aws or local").optional(),
  /** Refuses to be destroyed unless its name is given once more. */
  protected: yesOrNo.default(false),
  /** What has to be true after each wave. */
  checks: checks.default([]),
  /** What happens to a wave that failed: it stays as it is, or its stacks go back to what they were. */
  onFailure: leaf<"stop" | "rollback">((value) => ["stop", "rollback"].includes(value), "stop or rollback").default(
    "stop",
  ),
} as const;

const schema = z.object(driverShape);

/** The driver's own settings, complete. */
export interface DriverSettings extends Omit<z.output<typeof schema>, "account"> {
  account: string | undefined;
}

/**
 * Reads the driver's settings of an environment.
 *
 * @param config `config` of a settings file: keys with their namespace
 * @param file its name, for messages
 * @throws user error `InvalidSettings` that tells all problems at once
 */
export function readDriverSettings(config: Record<string, unknown>, file: string): DriverSettings {
  const given = Object.fromEntries(
    Object.keys(driverShape).flatMap((key) => {
      const value = config[`tributary:${key}`];
      return value === undefined ? [] : [[key, typed(value)]];
    }),
  );
  const parsed = schema.safeParse(given);
  const issues = parsed.success ? [] : parsed.error.issues;
  const problems = issues.map(({ path, message }) =>
    problem(`tributary:${path.join(".")}`, given[String(path[0])], message, file),
  );
  if (parsed.success) {
    const account = parsed.data.account === undefined ? undefined : String(parsed.data.account);
    problems.push(...contradictions({ ...parsed.data, account }, config, file));
    if (problems.length === 0) return { ...parsed.data, account };
  }
  const list = problems.map((each) => `\n  ${each}`).join("");
  const message = `${problems.length} problem(s) in the settings of the driver:${list}`;
  throw userError("InvalidSettings", message, `correct ${file}; docs/components.md lists every setting`);
}

function contradictions(
  { account, role, waves }: DriverSettings,
  config: Record<string, unknown>,
  file: string,
): string[] {
  const owner = rolePattern.exec(role ?? "")?.[1];
  const first = waves?.[0]?.[0];
  const region = config["aws:region"];
  return [
    ...(account !== undefined && owner !== undefined && owner !== account
      ? [problem("tributary:role", role, `a role of the account ${account}, as tributary:account says`, file)]
      : []),
    ...(first !== undefined && region !== undefined && region !== first
      ? [problem("aws:region", region, `${first}, the first region of tributary:waves`, file)]
      : []),
  ];
}

function problem(key: string, found: unknown, allowed: string, file: string): string {
  const text = JSON.stringify(found) ?? "nothing";
  return `${key} in ${file}: found ${text.length > 120 ? `${text.slice(0, 120)}…` : text}; allowed: ${allowed}`;
}

/** A value of the file as the program gets it: text that is JSON is what it says. */
function typed(value: unknown): unknown {
  if (typeof value !== "string" || /^\d+$/.test(value)) return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}
