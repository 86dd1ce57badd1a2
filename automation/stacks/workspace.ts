import { mkdir, readdir, rm } from "node:fs/promises";
import * as path from "node:path";
import { LocalWorkspace, type PulumiFn, type Stack } from "@pulumi/pulumi/automation";
import type { LocalAws } from "../local";
import type { Toolchain } from "../toolchain";
import { Engine } from "./engine";
import { stateFolder, workFolder, type Environment } from "./environments";
import { engineFolder } from "./folders";
import type { ImageBuild } from "./imageBuild";
import { removeSaltFile, writeRunSettings } from "./settingsFile";

/** The fixed passphrase of the local environment: its state holds no secret, and nothing of it leaves the machine. */
export const localPassphrase = "local";

/** What an engine and its plugins need beside the inherited environment. */
export function engineEnvironment(
  root: string,
  environment: Environment,
  toolchain: Pick<Toolchain, "directories" | "env" | "source">,
  aws: Pick<LocalAws, "env"> | undefined,
): Record<string, string> {
  const searchPath = [...toolchain.directories, process.env.PATH ?? ""].join(path.delimiter);
  return {
    ...toolchain.env,
    ...aws?.env,
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

/**
 * Opens an environment's stack through the Automation API, and creates it when it is new. The checkout is the work folder,
 * so that Pulumi.yaml and Pulumi.<env>.yaml are read where a person edits them.
 */
export async function openStack(
  root: string,
  environment: Environment,
  toolchain: Toolchain,
  aws: LocalAws | undefined,
  program: PulumiFn,
  build?: Pick<ImageBuild, "env" | "settings" | "parallel">,
): Promise<OpenStack> {
  if (environment.local) await mkdir(stateFolder(root), { recursive: true });
  const temporary = await emptyTemporaryFolder(root, environment);
  const engine = new Engine(toolchain.command, engineFolder(root, environment));
  const stack = await LocalWorkspace.createOrSelectStack(
    { stackName: environment.name, projectName: environment.project, program },
    {
      workDir: root,
      pulumiCommand: engine.command,
      envVars: { ...engineEnvironment(root, environment, toolchain, aws), ...build?.env, TMPDIR: temporary },
    },
  );
  // After each run the API starts the engine three more times, for outputs and history that nobody here looks at: 3 s.
  stack.outputs = async () => ({});
  stack.info = async () => undefined;
  if (environment.extends !== undefined) await removeSaltFile(root, environment.name);
  const configFile = build && (await writeRunSettings(root, environment, build.settings));
  return { stack, engine, configFile, parallel: build?.parallel };
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
