import * as pulumi from "@pulumi/pulumi";
import type { z } from "zod";
import { userError } from "../errors";
import { BRANCH_IMAGES, BRANCH_IMAGES_ENV } from "./branchImages";
import { type DeliverySettings, deliverySettingsSchema } from "./delivery";
import { deliveryProblems } from "./deliveryRules";
import { type ImagesSettings, imagesSettingsSchema, type LakeSettings, lakeSettingsSchema } from "./schema";

export { BRANCH_IMAGES, BRANCH_IMAGES_ENV } from "./branchImages";
export { type DeliveryEnvironment, type DeliverySettings, type PipelineSettings } from "./delivery";
export { type ImageBuildSettings, type ImagesSource, platformOf, readyLayer } from "./images";
export { type ImagesSettings, imagesSettingsSchema, type LakeSettings, lakeSettingsSchema } from "./schema";

/** What every stack's program is told. */
export interface Identity {
  /** Pulumi project. */
  project: string;
  /** Stack, e.g. `dev` or `dev.eu-central-1`. */
  stack: string;
  /** Environment: the stack's name before its first dot. */
  env: string;
  /** `aws:region`. */
  region: string;
}

/** All that a lake's program is told. */
export interface Settings extends LakeSettings, Identity {}

/** All that the program of the stack `images` is told. */
export interface ImagesStackSettings extends ImagesSettings, Identity {}

/** All that the program of the stack `delivery` is told. */
export interface DeliveryStackSettings extends DeliverySettings, Identity {}

/** Environment of the stacks that hold images. */
export const IMAGES = "images";

/** Environment of the stacks that hold pipelines. */
export const DELIVERY = "delivery";

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
 * The running program's raw settings.
 *
 * @param namespace the keys to read
 */
export function rawSettings(namespace = NAMESPACE): RawSettings {
  const own = Object.entries(pulumi.runtime.allConfig()).filter(
    ([key]) => key.startsWith(`${namespace}:`) || key === "aws:region",
  );
  return { project: pulumi.getProject(), stack: pulumi.getStack(), values: Object.fromEntries(own) };
}

/** Whether a stack holds images: `images`, or `images.<anything>`. */
export function holdsImages(stack: string): boolean {
  return envOf(stack) === IMAGES;
}

/** Whether a stack holds pipelines: `delivery`, or `delivery.<anything>`. */
export function holdsPipelines(stack: string): boolean {
  return envOf(stack) === DELIVERY;
}

/**
 * Checks a lake's raw settings and fills in the defaults.
 *
 * @throws user error `InvalidSettings` that tells all problems at once: key, file, what was found, what is allowed
 */
export function parseSettings(raw: RawSettings): Settings {
  const settings = parse(raw, lakeSettingsSchema, (given) => architectureProblems(given));
  const platform = settings.architecture === "arm64" ? "linux/arm64" : "linux/amd64";
  return { ...settings, imageBuild: { ...settings.imageBuild, platform } };
}

/** Checks the raw settings of the stack `images`, like {@link parseSettings}. */
export function parseImagesSettings(raw: RawSettings): ImagesStackSettings {
  const settings = parse(raw, imagesSettingsSchema, () => []);
  if (settings.stack !== BRANCH_IMAGES) return settings;
  const { imageBuild } = settings;
  // The account has one configuration of replication, which is the other stack's.
  const repository = { ...imageBuild.repository, replicateTo: [] };
  return { ...settings, env: BRANCH_IMAGES_ENV, imageBuild: { ...imageBuild, repository } };
}

/** Checks the raw settings of the stack `delivery`, like {@link parseSettings}. */
export function parseDeliverySettings(raw: RawSettings): DeliveryStackSettings {
  return parse(raw, deliverySettingsSchema, (settings) => deliveryProblems(settings, raw.project));
}

function architectureProblems({ architecture, imageBuild }: LakeSettings): { path: string[]; allowed: string }[] {
  const platform = architecture === "arm64" ? "linux/arm64" : "linux/amd64";
  if (imageBuild.platform === undefined || imageBuild.platform === platform) return [];
  return [{ path: ["imageBuild", "platform"], allowed: `${platform}, as architecture is ${architecture}` }];
}

const envOf = (stack: string) => stack.split(".")[0] ?? "";

function parse<T extends object>(
  { project, stack, values }: RawSettings,
  schema: z.ZodType<T>,
  furtherProblems: (settings: T) => { path: string[]; allowed: string }[],
): T & Identity {
  const file = `Pulumi.${stack}.yaml`;
  const given = Object.fromEntries(
    Object.entries(values)
      .filter(([key]) => key.startsWith(`${NAMESPACE}:`))
      .map(([key, text]) => [key.slice(NAMESPACE.length + 1), typed(text)]),
  );
  const parsed = schema.safeParse(given);
  const env = envOf(stack);
  const region = values["aws:region"];
  const problems = [
    ...identityProblems({ project, env, region }, file),
    ...(parsed.success
      ? furtherProblems(parsed.data).map(({ path, allowed }) => told(path, given, allowed, file))
      : parsed.error.issues.flatMap((issue) => describe(issue, given, file, schema))),
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

const keyOf = (path: readonly PropertyKey[], file: string) => `${NAMESPACE}:${path.map(String).join(".")} in ${file}`;

function told(path: readonly PropertyKey[], given: unknown, allowed: string, file: string): string {
  return `${keyOf(path, file)}: found ${show(valueAt(given, path))}; allowed: ${allowed}`;
}

function describe(issue: z.core.$ZodIssue, given: unknown, file: string, schema: z.ZodType): string[] {
  if (issue.code === "unrecognized_keys") {
    const allowed = keysAt(schema, issue.path);
    return issue.keys.map(
      (key) => `${keyOf([...issue.path, key], file)}: found a key that does not exist; allowed: ${allowed}`,
    );
  }
  const form = issue.code === "invalid_type" && (issue.expected === "array" ? "a list" : "an object");
  return [told(issue.path, given, form || issue.message, file)];
}

function show(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value);
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value);
}

function keysAt(root: z.ZodType, path: readonly PropertyKey[]): string {
  const inner = path.reduce<unknown>((schema, key) => memberOf(unwrap(schema), key), root);
  return Object.keys((unwrap(inner) as { shape?: object }).shape ?? {}).join(", ") || "none";
}

/** The schema of a member: of an object, a record or a list; of the first alternative that has members. */
function memberOf(schema: unknown, key: PropertyKey): unknown {
  const { shape, def } = schema as {
    shape?: Record<PropertyKey, unknown>;
    def: { valueType?: unknown; element?: unknown };
  };
  return shape?.[key] ?? def.valueType ?? def.element;
}

function unwrap(schema: unknown): unknown {
  const { innerType, options } = (schema as { def: { innerType?: unknown; options?: unknown[] } }).def;
  const inner = innerType ?? options?.find((option) => "shape" in (option as object));
  return inner === undefined ? schema : unwrap(inner);
}
