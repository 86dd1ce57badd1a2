import { readFile, rm } from "node:fs/promises";
import * as path from "node:path";
import { isMap, parse, parseDocument, stringify } from "yaml";
import { writeWhole } from "../local/files";
import type { Environment } from "./environments";
import { engineFolder } from "./folders";

const namespace = "tributary:";
const imageBuild = `${namespace}imageBuild`;

type Config = Record<string, unknown>;

/**
 * The settings file of a run whose settings depend on the machine: the person's own files are never written to.
 *
 * @param decided keys of `tributary:imageBuild` that this machine decides
 * @returns the file for the engine's `--config-file`
 */
export async function writeRunSettings(root: string, environment: Environment, decided: Config): Promise<string> {
  const file = path.join(engineFolder(root, environment), `Pulumi.${environment.name}.yaml`);
  await writeWhole(file, await runSettings(environment, decided), 0o600);
  return file;
}

/** Text of a run's settings file; see {@link writeRunSettings}. */
export async function runSettings(environment: Environment, decided: Config): Promise<string> {
  const [own, extended] = await Promise.all([
    readFile(environment.file, "utf8"),
    environment.extends === undefined ? undefined : readFile(environment.extends, "utf8"),
  ]);
  return mergeSettings(own, extended, decided);
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
