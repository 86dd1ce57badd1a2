import * as pulumi from "@pulumi/pulumi";
import type { z } from "zod";
import { userError } from "../errors";
import { type LakeSettings, lakeSettingsSchema } from "./schema";

export { type LakeSettings, lakeSettingsSchema } from "./schema";

/** All that a stack's program is told. */
export interface Settings extends LakeSettings {
  /** Pulumi project. */
  project: string;
  /** Stack, e.g. `dev` or `dev.eu-central-1`. */
  stack: string;
  /** Environment: the stack's name before its first dot. */
  env: string;
  /** `aws:region`. */
  region: string;
}

/** Where settings are read from: Pulumi's stack configuration, every value as text. */
export interface RawSettings {
  project: string;
  stack: string;
  /** All keys with their namespace, e.g. `tributary:batchSize`. */
  values: Readonly<Record<string, string>>;
}

/** Namespace of the lake's keys. */
export const NAMESPACE = "tributary";

/**
 * The running program's settings.
 *
 * @param config the namespace to read; `new pulumi.Config("tributary")`
 * @throws user error `InvalidSettings` that tells all problems at once: key, file, what was found, what is allowed
 */
export function readSettings(config: pulumi.Config): Settings {
  const values = pulumi.runtime.allConfig();
  const own = Object.entries(values).filter(([key]) => key.startsWith(`${config.name}:`) || key === "aws:region");
  return parseSettings({ project: pulumi.getProject(), stack: pulumi.getStack(), values: Object.fromEntries(own) });
}

/**
 * Checks raw settings and fills in the defaults.
 *
 * @throws user error `InvalidSettings`, with all problems at once
 */
export function parseSettings({ project, stack, values }: RawSettings): Settings {
  const file = `Pulumi.${stack}.yaml`;
  const given = Object.fromEntries(
    Object.entries(values)
      .filter(([key]) => key.startsWith(`${NAMESPACE}:`))
      .map(([key, text]) => [key.slice(NAMESPACE.length + 1), typed(text)]),
  );
  const parsed = lakeSettingsSchema.safeParse(given);
  const env = stack.split(".")[0] ?? "";
  const region = values["aws:region"];
  const problems = [
    ...identityProblems({ project, env, region }, file),
    ...(parsed.success ? [] : parsed.error.issues.flatMap((issue) => describe(issue, given, file))),
  ];
  if (parsed.success && problems.length === 0) return { ...parsed.data, project, stack, env, region: region ?? "" };
  throw userError(
    "InvalidSettings",
    `${problems.length} problem(s) in the settings of stack ${stack}:\n${problems.map((problem) => `  ${problem}`).join("\n")}`,
    `correct ${file}; docs/components.md lists every setting`,
  );
}

/** Pulumi hands over every value as text; objects, numbers and booleans as JSON. */
function typed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

const slug = /^[a-z][a-z0-9-]{0,30}$/;
const slugAllowed = "a letter, then up to 30 lower-case letters, digits and hyphens";

function identityProblems(
  { project, env, region }: { project: string; env: string; region: string | undefined },
  file: string,
): string[] {
  const problem = (where: string, found: unknown, allowed: string) =>
    `${where}: found ${show(found)}; allowed: ${allowed}`;
  return [
    ...(slug.test(project) ? [] : [problem("name in Pulumi.yaml", project, slugAllowed)]),
    ...(slug.test(env) ? [] : [problem("environment (the stack's name before its first dot)", env, slugAllowed)]),
    ...(/^[a-z]{2,4}(-[a-z]+)+-\d{1,2}$/.test(region ?? "")
      ? []
      : [problem(`aws:region in ${file}`, region, "an AWS region, e.g. eu-west-1")]),
  ];
}

function describe(issue: z.core.$ZodIssue, given: unknown, file: string): string[] {
  const at = (path: readonly PropertyKey[]) => `${NAMESPACE}:${path.map(String).join(".")} in ${file}`;
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map(
      (key) => `${at([...issue.path, key])}: found a key that does not exist; allowed: ${keysAt(issue.path)}`,
    );
  }
  const allowed = issue.code === "invalid_type" ? "an object" : issue.message;
  return [`${at(issue.path)}: found ${show(valueAt(given, issue.path))}; allowed: ${allowed}`];
}

function show(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value);
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value);
}

function keysAt(path: readonly PropertyKey[]): string {
  let schema: unknown = lakeSettingsSchema;
  for (const key of path) schema = unwrap((schema as { shape: Record<PropertyKey, unknown> }).shape[key]);
  return Object.keys((schema as { shape: object }).shape).join(", ");
}

function unwrap(schema: unknown): unknown {
  const inner = (schema as { def: { innerType?: unknown } }).def.innerType;
  return inner === undefined ? schema : unwrap(inner);
}
