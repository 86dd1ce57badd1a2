import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import * as path from "node:path";
import { LocalWorkspace, type PulumiCommand, type PulumiFn, type Stack } from "@pulumi/pulumi/automation";
import type { LocalAws } from "../local";
import { writeWhole } from "../local/files";
import { exists } from "../local/state";
import type { Toolchain } from "../toolchain";
import { Engine } from "./engine";
import { stateFolder, workFolder, type Environment } from "./environments";
import { engineFolder, logFolder } from "./folders";
import type { ImageBuild } from "./imageBuild";
import { removeSaltFile, writeRunSettings } from "./settingsFile";
import { backendFolder, stateFile } from "./state";

/** The fixed passphrase of the local environment: its state holds no secret, and nothing of it leaves the machine. */
export const localPassphrase = "local";

/**
 * What an engine and its plugins need beside the inherited environment.
 *
 * @param credentials of the environment's role, where it has one
 */
export function engineEnvironment(
  root: string,
  environment: Environment,
  toolchain: Pick<Toolchain, "directories" | "env" | "source">,
  aws: Pick<LocalAws, "env"> | undefined,
  credentials: Record<string, string> = {},
): Record<string, string> {
  const searchPath = [...toolchain.directories, process.env.PATH ?? ""].join(path.delimiter);
  return {
    ...toolchain.env,
    ...aws?.env,
    ...credentials,
    PATH: searchPath,
    // An installation of the person's own keeps its plugins in its own home; ours has none to keep.
    ...(toolchain.source === "built" ? { PULUMI_HOME: path.join(workFolder(root), "pulumi-home") } : {}),
    ...(environment.backend === undefined ? {} : { PULUMI_BACKEND_URL: environment.backend }),
    ...(environment.local ? { PULUMI_CONFIG_PASSPHRASE: localPassphrase, PULUMI_CONFIG_PASSPHRASE_FILE: "" } : {}),
  };
}

/** An opened stack and the engine that works on it. */
export interface OpenStack {
  stack: Stack;
  engine: Engine;
  /** Settings file of this run, for the engine's `--config-file`; undefined: the environment's own. */
  configFile: string | undefined;
  /** Resources that the engine works on at a time; undefined: its own default, 4 a core. */
  parallel: number | undefined;
}

/** What a run has beside its environment and its toolchain. */
export interface RunParts {
  aws?: LocalAws;
  build?: Pick<ImageBuild, "env" | "settings" | "parallel">;
  /** Variables of the environment's role. */
  credentials?: Record<string, string>;
  /** Settings of this run, laid over those of the stack. */
  settings?: Record<string, unknown>;
}

/**
 * Opens an environment's stack through the Automation API, and creates it when it is new. The checkout is the work folder,
 * so that Pulumi.yaml and Pulumi.<env>.yaml are read where a person edits them.
 */
export async function openStack(
  root: string,
  environment: Environment,
  toolchain: Toolchain,
  program: PulumiFn,
  { aws, build, credentials, settings }: RunParts = {},
): Promise<OpenStack> {
  if (environment.local) await mkdir(stateFolder(root), { recursive: true });
  const temporary = await emptyTemporaryFolder(root, environment);
  const derived = build !== undefined || settings !== undefined || environment.derived;
  const configFile = derived ? await writeRunSettings(root, environment, build?.settings, settings) : undefined;
  const engine = new Engine(toolchain.command, engineFolder(root, environment), logFolder(root, environment));
  const env = engineEnvironment(root, environment, toolchain, aws, credentials);
  const { name: stackName, project: projectName, secretsProvider } = environment;
  const stack = await LocalWorkspace.createOrSelectStack(
    { stackName, projectName, program },
    {
      workDir: root,
      ...(secretsProvider === undefined ? {} : { secretsProvider }),
      pulumiCommand: await commandFor(engine, root, environment),
      envVars: { ...env, ...build?.env, TMPDIR: temporary },
    },
  );
  // After each run the API starts the engine three more times, for outputs and history that nobody here looks at: 3 s.
  stack.outputs = async () => ({});
  stack.info = async () => undefined;
  return { stack, engine, configFile, parallel: build?.parallel };
}

/**
 * The engine's command with two of its own ways taken from it. A stack that is there, as its state in a folder tells, is not
 * selected first: every command names its stack, and selecting costs a start of the engine. And a stack whose settings are put
 * together for each run is created in the folder of its run: creating writes the salt of the stack's passphrase into its
 * settings file, which would become a file in the checkout.
 */
async function commandFor(engine: Engine, root: string, environment: Environment): Promise<PulumiCommand> {
  const folder = engineFolder(root, environment);
  if (environment.derived) {
    await writeWhole(path.join(folder, "Pulumi.yaml"), await readFile(path.join(root, "Pulumi.yaml"), "utf8"));
    await removeSaltFile(root, environment.name);
  }
  const known = backendFolder(root, environment) !== undefined && (await exists(stateFile(root, environment)));
  const run: Engine["run"] = async (args, cwd, ...others) => {
    const [command, what] = args;
    if (known && command === "stack" && what === "select") return { stdout: "", stderr: "", code: 0 };
    const aside = environment.derived && command === "stack" && what === "init";
    return engine.run(args, aside ? folder : cwd, ...others);
  };
  return Object.assign(Object.create(engine.command) as PulumiCommand, { run });
}

/** The run's registry logins, which are there before its stack is opened. */
const keptInTemporary = "docker";

/** The AWS plugin never deletes the copies of archives that it makes (25 MB for the layer): here they end with the next run. */
async function emptyTemporaryFolder(root: string, environment: Environment): Promise<string> {
  const folder = path.join(workFolder(root), "tmp", environment.name);
  await mkdir(folder, { recursive: true });
  const left = (await readdir(folder)).filter((name) => name !== keptInTemporary);
  await Promise.all(left.map((name) => rm(path.join(folder, name), { recursive: true, force: true })));
  return folder;
}
