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
  /** Processor of its functions, from `tributary:architecture`. */
  architecture: string;
  /** Its functions run images, not archives. */
  image: boolean;
  /** A deployment builds images. */
  builds: boolean;
  /** Name of the person's own builder, from `tributary:imageBuild`. */
  builder: string | undefined;
  /** Most images built at a time, from `tributary:imageBuild`. */
  parallelism: number | undefined;
  /** Base images that the settings name; not checked. */
  baseImages: Record<string, unknown>;
  /** A second settings file, whose `tributary:` keys are its own. */
  extends?: string;
}

/** Stacks with a settings file that are no environments: nothing runs in them. */
const otherStacks = ["images", "delivery"];

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
  const stacks = fs.readdirSync(root).flatMap((file) => fileName.exec(file)?.[1] ?? []);
  const names = stacks.filter((name) => !otherStacks.includes(name));
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
      name === "images" ? "tributary images build --push" : "tributary status",
    );
  }
  return describe(root, name, name === "local", path.join(root, `Pulumi.${name}.yaml`));
}

/**
 * The stack that builds images: `images` for the registry of Pulumi.images.yaml, or `images.local` for the registry of the
 * local AWS, whose settings are put together for each run from Pulumi.images.yaml and Pulumi.local.yaml.
 *
 * @throws TributaryError `UnknownEnvironment`, `UnreadableSettings`
 */
export function findImagesStack(root: string, push: boolean): Environment {
  const file = path.join(root, "Pulumi.images.yaml");
  if (!fs.existsSync(file)) {
    const message = `there is no file Pulumi.images.yaml in ${root}; it says where images are pushed to`;
    throw userError("UnknownEnvironment", message, "git checkout Pulumi.images.yaml");
  }
  if (push) return describe(root, "images", false, file);
  const local = describe(root, "images.local", true, path.join(root, "Pulumi.local.yaml"));
  return { ...local, ...pick(describe(root, "images", false, file)), extends: file };
}

function pick({ builds, builder, baseImages, parallelism }: Environment): Partial<Environment> {
  return { builds, builder, baseImages, parallelism };
}

function describe(root: string, name: string, local: boolean, file: string): Environment {
  const config = section(readYaml(file), "config");
  const { builder, baseImages, parallelism } = section(config, "tributary:imageBuild");
  const image = config["tributary:packaging"] === "image";
  return {
    name,
    project: text(readYaml(path.join(root, "Pulumi.yaml")).name) ?? "tributary",
    local,
    file,
    region: text(config["aws:region"]) ?? process.env.AWS_REGION,
    backend: local
      ? `file://${stateFolder(root)}`
      : (text(config["tributary:backend"]) ?? process.env.PULUMI_BACKEND_URL),
    architecture: text(config["tributary:architecture"]) ?? "x86_64",
    image,
    builds: name === "images" || (image && config["tributary:images"] === "build"),
    builder: text(builder),
    parallelism: typeof parallelism === "number" ? parallelism : undefined,
    baseImages: isRecord(baseImages) ? baseImages : {},
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
