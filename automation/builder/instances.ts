import { chmod, mkdir, readFile, rm, stat, symlink } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { TributaryError } from "../errors";
import { dockerFolder } from "./program";

/** Makes a folder for a run's DOCKER_CONFIG. */
export async function privateFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
}

/**
 * Runs buildx to its end.
 *
 * @param env laid over this process's own
 * @returns what it printed
 * @throws TributaryError BuildxFailed with its last lines
 */
export async function runBuildx(
  buildx: string,
  args: string[],
  env: Record<string, string>,
  options: { timeoutMs?: number; signal?: AbortSignal } = {},
): Promise<string> {
  const run = await execa(buildx, args, {
    env,
    reject: false,
    all: true,
    stdin: "ignore",
    timeout: options.timeoutMs ?? 60_000,
    cancelSignal: options.signal,
  });
  if (!run.failed) return run.stdout;
  const lines = (run.all ?? "").trim().split("\n").slice(-12).join("\n");
  throw new TributaryError(`buildx ${args[0]} failed: ${lines || run.shortMessage}`, {
    code: "BuildxFailed",
    next: "`tributary doctor` tells what the builder needs",
  });
}

/** Variables of the person's own that lead buildx to an engine or a builder. */
const leading = ["DOCKER_CONTEXT", "DOCKER_HOST", "BUILDKIT_HOST"];

/** Variables for a builder that needs nothing of the person's: those that would lead elsewhere come out empty. */
export function isolatedVariables(name: string, dockerConfig: string, buildxConfig: string): Record<string, string> {
  return {
    ...Object.fromEntries(leading.filter((key) => process.env[key]).map((key) => [key, ""])),
    DOCKER_CONFIG: dockerConfig,
    BUILDX_CONFIG: buildxConfig,
    BUILDX_BUILDER: name,
  };
}

/**
 * Variables for a builder in the person's Docker engine: a folder of the run's own for the logins, which still knows the
 * person's engines ("contexts").
 */
export async function engineVariables(
  name: string,
  dockerConfig: string,
  buildxConfig: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Record<string, string>> {
  await privateFolder(dockerConfig);
  const own = dockerFolder(env);
  if (own !== path.resolve(dockerConfig) && (await exists(path.join(own, "contexts")))) {
    const link = path.join(dockerConfig, "contexts");
    await rm(link, { force: true });
    await symlink(path.join(own, "contexts"), link);
  }
  const context = env.DOCKER_CONTEXT || env.DOCKER_HOST ? undefined : await currentContext(own);
  return {
    DOCKER_CONFIG: dockerConfig,
    BUILDX_CONFIG: buildxConfig,
    BUILDX_BUILDER: name,
    ...(context ? { DOCKER_CONTEXT: context } : {}),
  };
}

/** The engine that `docker context use` chose, if any. */
export async function currentContext(folder: string): Promise<string | undefined> {
  try {
    const text = await readFile(path.join(folder, "config.json"), "utf8");
    const { currentContext: name } = JSON.parse(text) as { currentContext?: unknown };
    return typeof name === "string" && name !== "" ? name : undefined;
  } catch {
    return undefined;
  }
}

/** Makes a builder that speaks to a daemon's socket known in a run's folder. */
export async function remoteInstance(
  buildx: string,
  name: string,
  socket: string,
  dockerConfig: string,
): Promise<Record<string, string>> {
  const buildxConfig = path.join(dockerConfig, "buildx");
  await privateFolder(dockerConfig);
  await privateFolder(buildxConfig);
  const env = isolatedVariables(name, dockerConfig, buildxConfig);
  // What another run or checkout put there may point elsewhere.
  await rm(path.join(buildxConfig, "instances", name), { force: true });
  await runBuildx(buildx, ["create", "--name", name, "--node", name, "--driver", "remote", `unix://${socket}`], env);
  return env;
}

async function exists(file: string): Promise<boolean> {
  return (await stat(file).catch(() => undefined)) !== undefined;
}
