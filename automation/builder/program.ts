import os from "node:os";
import path from "node:path";
import { execa } from "execa";
import { coerce, gte } from "semver";
import type { EventSink } from "../events";
import { ensureTool, findTool, type ToolOptions } from "../toolchain";
import { which } from "../toolchain/official";

/** The oldest buildx that knows the remote driver, `--keep-daemon`, and JSON lists. */
export const minimumBuildx = "0.13.0";

/** A buildx program that was found. */
export interface BuildxProgram {
  file: string;
  version: string;
}

/** The person's own Docker folder: `$DOCKER_CONFIG`, else `~/.docker`. */
export function dockerFolder(env: NodeJS.ProcessEnv = process.env): string {
  return env.DOCKER_CONFIG ? path.resolve(env.DOCKER_CONFIG) : path.join(os.homedir(), ".docker");
}

/** The person's own builders: `$BUILDX_CONFIG`, else `buildx` in the Docker folder. */
export function buildxFolder(env: NodeJS.ProcessEnv = process.env): string {
  return env.BUILDX_CONFIG ? path.resolve(env.BUILDX_CONFIG) : path.join(dockerFolder(env), "buildx");
}

/** Where Docker's packages put buildx: the plugin folders of docker(1), in its order. */
function pluginFolders(env: NodeJS.ProcessEnv): string[] {
  const system = ["/usr/local/lib/docker", "/usr/local/libexec/docker", "/usr/lib/docker", "/usr/libexec/docker"];
  return [dockerFolder(env), ...system].map((folder) => path.join(folder, "cli-plugins"));
}

/** The machine's own buildx, if it is new enough. */
export async function findBuildx(env: NodeJS.ProcessEnv = process.env): Promise<BuildxProgram | undefined> {
  const candidates = [
    await which("docker-buildx", [...pluginFolders(env), env.PATH].join(path.delimiter)),
    await which("buildx", env.PATH),
  ];
  for (const file of candidates.filter((candidate) => candidate !== undefined)) {
    const run = await execa(file, ["version"], { reject: false, timeout: 10_000 });
    const version = run.failed ? undefined : coerce(/\bv?\d+\.\d+\.\d+\S*/.exec(run.stdout)?.[0])?.version;
    if (version && gte(version, minimumBuildx)) return { file, version };
  }
  return undefined;
}

/** The buildx to use: one built before, the machine's own, or one built now. */
export async function ensureBuildx(sink: EventSink, options: ToolOptions): Promise<string> {
  return (
    (await findTool("buildx", options.cache)) ??
    (await findBuildx())?.file ??
    (await ensureTool("buildx", sink, options))
  );
}
