import { readFile, rm } from "node:fs/promises";
import * as path from "node:path";
import { isMap, parse, parseDocument, stringify } from "yaml";
import { writeWhole } from "../local/files";
import type { Environment } from "./environments";
import { engineFolder } from "./folders";
import { withSecretsProvider } from "./secretsProvider";

const namespace = "tributary:";
const imageBuild = `${namespace}imageBuild`;

type Config = Record<string, unknown>;

/**
 * The settings file of a run whose settings are not those of a file alone: a further region's, or what this machine decides.
 * The person's own files are never written to.
 *
 * @param decided keys of `tributary:imageBuild` that this machine decides
 * @param laid keys of this run, with their namespace, laid over all others
 * @returns the file for the engine's `--config-file`
 */
export async function writeRunSettings(
  root: string,
  environment: Environment,
  decided?: Config,
  laid?: Config,
): Promise<string> {
  const file = runSettingsFile(root, environment);
  const { secretsProvider } = environment;
  const text = await runSettings(environment, decided, laid);
  const former = await readFile(file, "utf8").catch(() => undefined);
  await writeWhole(file, secretsProvider ? withSecretsProvider(text, secretsProvider, former) : text, 0o600);
  return file;
}

/** Where {@link writeRunSettings} writes. */
function runSettingsFile(root: string, environment: Environment): string {
  return path.join(engineFolder(root, environment), `Pulumi.${environment.name}.yaml`);
}

/** Text of a run's settings file; see {@link writeRunSettings}. */
export async function runSettings(environment: Environment, decided?: Config, laid?: Config): Promise<string> {
  const { file, regionFile, extends: further, derived, local, region } = environment;
  const read = (name: string | undefined) => (name === undefined ? undefined : readFile(name, "utf8"));
  const [base, override, extended] = await Promise.all([readFile(file, "utf8"), read(regionFile), read(further)]);
  const settings = environment.pipelines && local ? { ...laid, ...localDelivery } : laid;
  const place = { region, laid: settings, defaults: local ? localProvider : {}, ...(local ? { salt: localSalt } : {}) };
  const own = (derived || laid) && further === undefined ? deriveSettings(base, override, place) : base;
  return decided === undefined ? own : mergeSettings(own, extended, decided);
}

/** `config` of the settings that a run of a stack would use: its keys with their namespace. */
export async function stackSettings(environment: Environment): Promise<Record<string, unknown>> {
  return ((parse(await runSettings(environment)) ?? {}) as { config?: Config }).config ?? {};
}

/** What the AWS provider has to be told to work with a local AWS: one host serves all buckets and all accounts. */
const localProvider: Config = {
  "aws:s3UsePathStyle": "true",
  "aws:skipCredentialsValidation": "true",
  "aws:skipMetadataApiCheck": "true",
  "aws:skipRegionValidation": "true",
};

/** What pipelines on the local AWS do without: it is thrown away as a whole, and the provider waits for what nobody needs. */
const localDelivery: Config = {
  "tributary:target": "local",
  "tributary:forceDestroy": "true",
  "tributary:lifecycle": "false",
  "tributary:keyDeletionWindow": "7 days",
};

/**
 * Salt of the passphrase that all stacks of a local AWS have, as in Pulumi.local.yaml; it protects nothing. A stack whose
 * settings have none would get another one in every run, and what one run encrypted, such as the engine's update plan,
 * the next could not read.
 */
const localSalt = "v1:2DDdvmAI5bE=:v1:KSLuDOXSnhAM0ZEI:tNoN0oE6iFMO11l+SAfW6O6EWrZJKA==";

/**
 * The settings of a stack in one region.
 *
 * @param base text of the environment's settings
 * @param override text of the region's own, whose keys go before
 * @param given `region`: set as `aws:region`, undefined leaves it as it is; `defaults`: keys that apply where neither text says
 * anything; `laid`: keys that go before both; `salt`: of the passphrase, where the texts have neither one nor a secrets provider
 */
function deriveSettings(
  base: string,
  override: string | undefined,
  { region, defaults, laid, salt }: { region?: string; defaults?: Config; laid?: Config; salt?: string },
): string {
  const [general, special] = [base, override ?? ""].map((text) => (parse(text) ?? {}) as Config & { config?: Config });
  const place: Config = region === undefined ? {} : { "aws:region": region };
  const config = { ...defaults, ...general!.config, ...special!.config, ...laid, ...place };
  const document = { ...general, ...special, config };
  const salted = salt === undefined || "encryptionsalt" in document || "secretsprovider" in document;
  return stringify(salted ? document : { encryptionsalt: salt, ...document }, { lineWidth: 0 });
}

/**
 * Puts a run's settings together.
 *
 * @param own text of the stack's settings file
 * @param extended text of a second one: then `tributary:` keys are its own, all else is the first one's
 */
export function mergeSettings(own: string, extended: string | undefined, decided: Config): string {
  const document = (parse(own) ?? {}) as Config & { config?: Config };
  const config = document.config ?? {};
  const of = extended === undefined ? config : (((parse(extended) ?? {}) as { config?: Config }).config ?? {});
  const ours = Object.entries(of).filter(([key]) => key.startsWith(namespace));
  const others = Object.entries(config).filter(([key]) => !key.startsWith(namespace));
  const merged: Config = Object.fromEntries([...others, ...ours]);
  const before = sectionOf(merged[imageBuild]);
  const repository = { ...sectionOf(before.repository), ...sectionOf(decided.repository) };
  merged[imageBuild] = { ...before, ...decided, ...(Object.keys(repository).length > 0 ? { repository } : {}) };
  return stringify({ ...document, config: merged }, { lineWidth: 0 });
}

const sectionOf = (value: unknown): Config => (typeof value === "object" && value !== null ? (value as Config) : {});

/**
 * Removes the settings file that the engine makes for a new stack in the checkout when it holds nothing but the salt of
 * the stack's passphrase: the run's own settings have it, too.
 */
export async function removeSaltFile(root: string, stack: string): Promise<void> {
  const file = path.join(root, `Pulumi.${stack}.yaml`);
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return;
  const { contents } = parseDocument(text);
  const keys = isMap(contents) ? contents.items.map(({ key }) => String(key)) : [];
  if (keys.every((key) => key === "encryptionsalt")) await rm(file, { force: true });
}
