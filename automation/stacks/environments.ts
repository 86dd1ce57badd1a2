import * as fs from "node:fs";
import * as path from "node:path";
import { parse } from "yaml";
import { userError } from "../errors";
import { linkedFolder } from "../local/linked";
import { readDriverSettings, type Check } from "../settings/driver";
import { isRecord } from "../json";
import { secretsProviderOf } from "./secretsProvider";

/** One stack of an environment, the environment in one region, as its settings tell. */
export interface Environment {
  /** The stack's name: the environment's in its first region, `<env>.<region>` in a further one. */
  name: string;
  /** The environment's name, e.g. `dev`. */
  env: string;
  /** Wave that it is deployed in, from 0. */
  wave: number;
  /** The Pulumi project's name. */
  project: string;
  /** Served by the local AWS that the driver runs: the environment `local`, and those with `tributary:target: local`. */
  local: boolean;
  /** Absolute path of Pulumi.<env>.yaml. */
  file: string;
  /** Absolute path of Pulumi.<env>.<region>.yaml, whose keys go before those of `file`; only where it is there. */
  regionFile?: string;
  /** Its settings are put together for each run: they are not those of `file` alone. */
  derived: boolean;
  /** From `tributary:waves` or `aws:region`, else AWS_REGION. */
  region: string | undefined;
  /** Where its state is; undefined = wherever the person's Pulumi is logged in. */
  backend: string | undefined;
  /** What encrypts secrets in its state; undefined: a passphrase. */
  secretsProvider: string | undefined;
  /** The account that it has to be in; undefined: whichever the credentials are of. */
  account: string | undefined;
  /** ARN of the role that is assumed for it. */
  role: string | undefined;
  /** Is destroyed only when its name is given once more. */
  protected: boolean;
  /** What has to be true when its wave is deployed. */
  checks: Check[];
  /** What happens to its wave when that fails. */
  onFailure: "stop" | "rollback";
  /** Processor of its functions, from `tributary:architecture`. */
  architecture: string;
  /** Its functions run images, not archives. */
  image: boolean;
  /** A deployment builds images. */
  builds: boolean;
  /** It holds pipelines, not a lake: its program needs nothing that is built. */
  pipelines?: boolean;
  /** Name of the person's own builder, from `tributary:imageBuild`. */
  builder: string | undefined;
  /** Most images built at a time, from `tributary:imageBuild`. */
  parallelism: number | undefined;
  /** Base images that the settings name; not checked. */
  baseImages: Record<string, unknown>;
  /** A layer image that is there already, from `tributary:imageBuild`; not checked. */
  layer?: string;
  /** A second settings file, whose `tributary:` keys are its own. */
  extends?: string;
}

/** An environment with all its stacks. */
export interface EnvironmentStacks {
  /** Its name, e.g. `dev`. */
  env: string;
  /** Its stacks by waves; the first of the first wave is the one that has the environment's name. */
  waves: Environment[][];
  /** All of them, in that order. */
  stacks: Environment[];
}

/** Environment of the stack that holds pipelines. */
const DELIVERY = "delivery";

/** Settings files that are no environments: nothing runs in their stacks. `branch` is the template of branches' environments. */
const otherStacks = ["images", "delivery", "branch"];

const fileName = /^Pulumi\.([A-Za-z0-9][A-Za-z0-9_-]*)\.yaml$/;

/** Folder of everything that the driver writes in a checkout. */
export function workFolder(root: string): string {
  return path.join(root, ".tributary");
}

/** Folder of the local environment's recorded state. */
export function stateFolder(root: string): string {
  return linkedFolder(path.join(workFolder(root), "state"));
}

/** Names of all environments that have a settings file, `local` first. */
export function environmentNames(root: string): string[] {
  const stacks = fs.readdirSync(root).flatMap((file) => fileName.exec(file)?.[1] ?? []);
  const names = stacks.filter((name) => !otherStacks.includes(name));
  return names.sort((a, b) => Number(b === "local") - Number(a === "local") || a.localeCompare(b));
}

/**
 * Reads the settings of one stack as far as the driver itself needs them.
 *
 * @param name an environment, which stands for its first region, or `<env>.<region>`
 * @throws TributaryError `UnknownEnvironment`, `UnreadableSettings`, `InvalidSettings`
 */
export function findEnvironment(root: string, name: string): Environment {
  const [env, ...rest] = name.split(".");
  const { stacks } = environmentStacks(root, env!, name);
  const region = rest.join(".");
  const found = rest.length === 0 ? stacks[0] : stacks.find((stack) => stack.region === region);
  if (found) return found;
  const regions = stacks.map((stack) => stack.region ?? "none").join(", ");
  throw userError(
    "UnknownEnvironment",
    `${env} has no region "${region}"; it has: ${regions}`,
    `add the region to tributary:waves in Pulumi.${env}.yaml, or name another one`,
  );
}

/**
 * All stacks of an environment, by waves.
 *
 * @param asked what a person typed, for the message
 * @throws TributaryError `UnknownEnvironment`, `UnreadableSettings`, `InvalidSettings`
 */
export function environmentStacks(root: string, name: string, asked = name): EnvironmentStacks {
  if (name === DELIVERY || name === `${DELIVERY}.local`) return deliveryStacks(root, name !== DELIVERY);
  const branch = branchFile(root, name);
  if (branch !== undefined && fs.existsSync(branch)) return stacksOf(root, name, branch);
  const known = environmentNames(root);
  if (!known.includes(name)) {
    const allowed = known.length > 0 ? known.join(", ") : "none: no file Pulumi.<env>.yaml";
    throw userError(
      "UnknownEnvironment",
      `there is no environment "${asked}" in ${root}; there are: ${allowed}`,
      name === "images" ? "tributary images build --push" : "tributary status",
    );
  }
  return stacksOf(root, name, path.join(root, `Pulumi.${name}.yaml`));
}

/** Settings file of a branch's environment, which is not in the checkout; undefined for a name that is none of a branch. */
export function branchFile(root: string, name: string): string | undefined {
  if (!/^b-[a-z0-9][a-z0-9-]{0,60}$/.test(name)) return undefined;
  return path.join(workFolder(root), "branches", name, `Pulumi.${name}.yaml`);
}

/**
 * The stacks of an environment whose settings file stands anywhere, as that of a branch's environment does.
 *
 * @param file absolute path of the settings; a file beside it named `Pulumi.<env>.<region>.yaml` overrides keys in a region
 * @throws TributaryError `UnreadableSettings`, `InvalidSettings`
 */
export function stacksOf(root: string, env: string, file: string): EnvironmentStacks {
  const config = section(readYaml(file), "config");
  const { waves: given, target } = readDriverSettings(config, path.basename(file));
  const own = text(config["aws:region"]) ?? process.env.AWS_REGION;
  const local = target === undefined ? env === "local" : target === "local";
  const waves = (given ?? [[own]]).map((regions, wave) =>
    regions.map((region, index) => {
      const place = { env, wave, region, first: wave === 0 && index === 0, local };
      return describeStack(root, file, config, place);
    }),
  );
  return { env, waves, stacks: waves.flat() };
}

/** A stack's place in its environment. */
interface Place {
  env: string;
  wave: number;
  region: string | undefined;
  first: boolean;
  local: boolean;
}

function describeStack(
  root: string,
  file: string,
  config: Record<string, unknown>,
  { env, wave, region, first, local }: Place,
): Environment {
  const name = first ? env : `${env}.${region}`;
  const regionFile = path.join(path.dirname(file), `Pulumi.${env}.${region}.yaml`);
  const overrides = !first && fs.existsSync(regionFile) ? section(readYaml(regionFile), "config") : undefined;
  const stated = config["tributary:waves"] !== undefined;
  const merged = { ...config, ...overrides, ...(stated ? { "aws:region": region } : {}) };
  const shown = overrides === undefined ? path.basename(file) : path.basename(regionFile);
  const outside = path.dirname(file) !== path.resolve(root) || (local && env !== "local");
  const described = describe(root, name, local, file, merged);
  return {
    ...described,
    ...ownSettings({ ...merged, "tributary:waves": undefined }, shown),
    env,
    wave,
    derived: described.derived || !first || outside || (stated && text(config["aws:region"]) !== region),
    ...(overrides === undefined ? {} : { regionFile }),
  };
}

/**
 * The stack that holds the pipelines: `delivery` on AWS, or `delivery.local` with the same settings on the local AWS, where accounts and
 * roles of the settings have no meaning for the driver.
 *
 * @throws TributaryError `UnknownEnvironment`, `UnreadableSettings`, `InvalidSettings`
 */
function deliveryStacks(root: string, local: boolean): EnvironmentStacks {
  const file = path.join(root, `Pulumi.${DELIVERY}.yaml`);
  if (!fs.existsSync(file)) {
    const message = `there is no file Pulumi.${DELIVERY}.yaml in ${root}; it says which pipelines there are`;
    throw userError("UnknownEnvironment", message, "docs/delivery.md shows one");
  }
  const name = local ? `${DELIVERY}.local` : DELIVERY;
  const config = section(readYaml(file), "config");
  const described = describe(root, name, local, file, config);
  const own = local ? {} : ownSettings(config, path.basename(file));
  const stack: Environment = {
    ...described,
    derived: local || described.derived,
    env: name,
    builds: false,
    pipelines: true,
    ...own,
  };
  return { env: name, waves: [[stack]], stacks: [stack] };
}

function ownSettings(config: Record<string, unknown>, file: string) {
  const { account, role, protected: guarded, checks, onFailure } = readDriverSettings(config, file);
  return { account, role, protected: guarded, checks, onFailure };
}

/** A stack as its settings file describes it, without what only the driver's own settings say. */
export function describe(
  root: string,
  name: string,
  local: boolean,
  file: string,
  config: Record<string, unknown> = section(readYaml(file), "config"),
): Environment {
  const { builder, baseImages, parallelism, layer } = section(config, "tributary:imageBuild");
  const image = config["tributary:packaging"] === "image";
  return {
    name,
    env: name,
    wave: 0,
    ...(local ? { secretsProvider: undefined, derived: false } : secretsProviderOf(readYaml(file), config, file)),
    account: undefined,
    role: undefined,
    protected: false,
    checks: [],
    onFailure: "stop",
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
    ...(typeof layer === "string" ? { layer } : {}),
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
