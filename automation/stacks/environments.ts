import * as fs from "node:fs";
import * as path from "node:path";
import { parse } from "yaml";
import { userError } from "../errors";

/** An environment as its settings file tells. */
export interface Environment {
  /** Also the stack's name. */
  name: string;
  /** The Pulumi project's name. */
  project: string;
  /** `local` is served by the local AWS that the driver runs. */
  local: boolean;
  /** Absolute path of Pulumi.<env>.yaml. */
  file: string;
  /** From `aws:region`, else AWS_REGION. */
  region: string | undefined;
  /** Where its state is; undefined = wherever the person's Pulumi is logged in. */
  backend: string | undefined;
}

const fileName = /^Pulumi\.([A-Za-z0-9][A-Za-z0-9_-]*)\.yaml$/;

/** Folder of everything that the driver writes in a checkout. */
export function workFolder(root: string): string {
  return path.join(root, ".tributary");
}

/** Folder of the local environment's recorded state. */
export function stateFolder(root: string): string {
  return path.join(workFolder(root), "state");
}

/** Names of all environments that have a settings file, `local` first. */
export function environmentNames(root: string): string[] {
  const names = fs.readdirSync(root).flatMap((file) => fileName.exec(file)?.[1] ?? []);
  return names.sort((a, b) => Number(b === "local") - Number(a === "local") || a.localeCompare(b));
}

/**
 * Reads an environment's settings file as far as the driver itself needs it.
 *
 * @throws TributaryError `UnknownEnvironment`, `UnreadableSettings`
 */
export function findEnvironment(root: string, name: string): Environment {
  const known = environmentNames(root);
  if (!known.includes(name)) {
    const allowed = known.length > 0 ? known.join(", ") : "none: no file Pulumi.<env>.yaml";
    throw userError(
      "UnknownEnvironment",
      `there is no environment "${name}" in ${root}; there are: ${allowed}`,
      "tributary status",
    );
  }
  const file = path.join(root, `Pulumi.${name}.yaml`);
  const config = section(readYaml(file), "config");
  const local = name === "local";
  return {
    name,
    project: text(readYaml(path.join(root, "Pulumi.yaml")).name) ?? "tributary",
    local,
    file,
    region: text(config["aws:region"]) ?? process.env.AWS_REGION,
    backend: local
      ? `file://${stateFolder(root)}`
      : (text(config["tributary:backend"]) ?? process.env.PULUMI_BACKEND_URL),
  };
}

function readYaml(file: string): Record<string, unknown> {
  try {
    const value: unknown = parse(fs.readFileSync(file, "utf8"));
    return isRecord(value) ? value : {};
  } catch (error) {
    const message = `${file} cannot be read as YAML: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`;
    throw userError("UnreadableSettings", message, `mend ${path.basename(file)}; git diff shows what changed`);
  }
}

function section(value: Record<string, unknown>, key: string): Record<string, unknown> {
  const found = value[key];
  return isRecord(found) ? found : {};
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
