import { existsSync, readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import * as path from "node:path";
import { parse } from "yaml";
import { loadManifests } from "../../../layer/manifest";
import { messageOf } from "../../errors";
import { functionsOf } from "../../images";
import { checkDockerfile } from "../../images/dockerfile";
import { nameProblems } from "../../images/discover";
import { isRecord } from "../../json";
import { parseImagesSettings, parseSettings, type DeliverySettings, type RawSettings } from "../../settings";
import { readDriverSettings, type Check } from "../../settings/driver";
import { readGateSettings } from "../../settings/gates";
import { environmentNames, stacksOf } from "../../stacks/environments";
import { deliveryFile, environmentsBeside, pipelinesOf, readDeliverySettings } from "../model";
import { stateProblems } from "../ready";

/** What was looked at, and what is wrong with it. */
export interface LintResult {
  /** A file, relative to the checkout. */
  file: string;
  /** Empty: all is well. */
  problems: string[];
  /** What keeps it from AWS only: a checkout without an account is none the worse for it. */
  warnings?: string[];
}

/**
 * Looks at everything that a commit can get wrong without a cloud: Dockerfiles, datasets' manifests, settings of environments,
 * images and pipelines. Nothing is built and nothing is asked.
 */
export async function lint(root: string): Promise<LintResult[]> {
  const dockerfiles = await lintDockerfiles(root);
  const names = environmentNames(root);
  const environments = [...names, ...templates(root, names)].map((env) => lintEnvironment(root, env));
  return [...dockerfiles, lintManifests(root), ...environments, ...lintImages(root), ...lintDelivery(root)];
}

/** Build arguments that every Dockerfile may use. */
const builtIn = ["LAYER_IMAGE", "RUNTIME_IMAGE"];

async function lintDockerfiles(root: string): Promise<LintResult[]> {
  const sources = functionsOf(root);
  const allowed = [...builtIn, ...baseImagesOf(root)];
  const names = nameProblems(sources).map(({ file, text, next }) => ({ file, problems: [`${text}; ${next}`] }));
  const files = new Map(sources.flatMap(({ name, dockerfile }) => (dockerfile ? [[dockerfile, name] as const] : [])));
  const checked = [...files].map(async ([file, name]): Promise<LintResult> => {
    const text = await readFile(path.join(root, file), "utf8").catch(messageOf);
    const { problems } = checkDockerfile(text, { name, file }, allowed);
    return { file, problems: problems.map(({ line, text: found, next }) => `line ${line ?? 1}: ${found}; ${next}`) };
  });
  return [...names, ...(await Promise.all(checked))];
}

function baseImagesOf(root: string): string[] {
  const given = configOf(root, "images")["tributary:imageBuild"];
  const bases = isRecord(given) && isRecord(given.baseImages) ? Object.keys(given.baseImages) : [];
  return ["BASE_IMAGE", ...bases];
}

function lintManifests(root: string): LintResult {
  return attempt("datasets", () => void loadManifests(path.join(root, "datasets")));
}

/** Settings files that are no environments themselves: branches' are made from them. */
const templates = (root: string, names: readonly string[]) =>
  ["branch"].filter((name) => !names.includes(name) && existsSync(path.join(root, `Pulumi.${name}.yaml`)));

function lintEnvironment(root: string, env: string): LintResult {
  const file = `Pulumi.${env}.yaml`;
  return attempt(file, () => {
    const { stacks } = stacksOf(root, env, path.join(root, file));
    readGateSettings(configOf(root, env), file, stacks[0]!.local);
    for (const stack of stacks) parseSettings(rawSettings(root, env, stack.name, stack.region));
  });
}

function lintImages(root: string): LintResult[] {
  if (!existsSync(path.join(root, "Pulumi.images.yaml"))) return [];
  return [attempt("Pulumi.images.yaml", () => void parseImagesSettings(rawSettings(root, "images", "images")))];
}

function lintDelivery(root: string): LintResult[] {
  if (!existsSync(path.join(root, deliveryFile))) return [];
  const result = attempt(deliveryFile, () => void pipelinesOf(readDeliverySettings(root)));
  if (result.problems.length > 0) return [result];
  const settings = readDeliverySettings(root);
  const problems = environmentsBeside(settings).flatMap((env) => environmentProblems(root, env, settings));
  return [{ file: deliveryFile, problems, warnings: stateProblems(root) }];
}

/** Checks of a settings file; of one that cannot be read none, which is told of that file. */
function readChecks(config: Record<string, unknown>, file: string): Check[] {
  try {
    return readDriverSettings(config, file).checks;
  } catch {
    return [];
  }
}

/** What keeps a pipeline from an environment. */
function environmentProblems(root: string, env: string, settings: DeliverySettings): string[] {
  const { template = env } = settings.environments[env]!;
  const file = `Pulumi.${template}.yaml`;
  if (!existsSync(path.join(root, file))) return [`pipelines deploy ${env}, and there is no file ${file}`];
  const config = configOf(root, template);
  const foreign =
    template !== env && config["tributary:role"] !== undefined && Object.hasOwn(settings.environments, template);
  const { verify } = settings.environments[env]!;
  const checks = [...verify, ...readChecks(config, file)];
  return [
    ...(foreign
      ? [
          `tributary:environments.${env}.template: found ${template}, whose tributary:role the builds of ${env} may not take; allowed: settings of its own, Pulumi.${env}.yaml`,
        ]
      : []),
    ...(checks.length > 0
      ? []
      : [
          `pipelines verify ${env}, and nothing says what it should do: add tributary:checks to ${file}, or tributary:environments.${env}.verify`,
        ]),
  ];
}

function attempt(file: string, check: () => void): LintResult {
  try {
    check();
    return { file, problems: [] };
  } catch (error) {
    return { file, problems: [messageOf(error)] };
  }
}

/** Settings as the engine would hand them over: every value as text. */
function rawSettings(root: string, env: string, stack: string, region?: string): RawSettings {
  const project: unknown = (readYaml(path.join(root, "Pulumi.yaml")) as { name?: unknown }).name;
  const given = { ...configOf(root, env), ...(region === undefined ? {} : { "aws:region": region }) };
  const values = Object.entries(given).map(([key, value]): [string, string] => [
    key,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  return { project: typeof project === "string" ? project : "", stack, values: Object.fromEntries(values) };
}

function configOf(root: string, env: string): Record<string, unknown> {
  const { config } = readYaml(path.join(root, `Pulumi.${env}.yaml`)) as { config?: unknown };
  return isRecord(config) ? config : {};
}

function readYaml(file: string): Record<string, unknown> {
  if (!readdirSync(path.dirname(file)).includes(path.basename(file))) return {};
  const value: unknown = parse(readFileSync(file, "utf8"));
  return isRecord(value) ? value : {};
}
