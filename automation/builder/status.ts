import { cacheRoot, findTool, type ToolStatus } from "../toolchain";
import { findBuilt } from "../toolchain/cache";
import { pluginProgram, readProgram } from "../toolchain/recipe";
import { engineLikely } from "./container";
import { answers } from "./daemon";
import { builderFiles } from "./files";
import { findDaemon } from "./processes";
import { findBuildx } from "./program";
import { requirements } from "./requirements";

/**
 * What this machine has and lacks to build images: one line that tells whether it can, then what that comes from. Builds and
 * starts nothing. A line has a cure only where the machine cannot build images without it.
 */
export async function builderStatus(root: string, cache: string = cacheRoot()): Promise<ToolStatus[]> {
  const [docker, needs, buildkitd, ownBuildx, buildx] = await Promise.all([
    engineLikely(),
    requirements(),
    findTool("buildkit", cache),
    findTool("buildx", cache),
    findBuildx(),
  ]);
  const lacking = needs.filter(({ found }) => !found);
  const able = docker || lacking.length === 0;
  return [
    await summary(root, cache, docker, lacking.length === 0),
    { name: "Docker engine", found: docker, detail: docker ? "there is a sign of one" : "none" },
    ...needs.map(({ name, found, detail, cure }) => ({
      name: `own builder: ${name}`,
      found,
      detail,
      ...(found || able ? {} : { cure }),
    })),
    await toolLine("buildkit", buildkitd, undefined),
    await toolLine("buildx", ownBuildx, buildx && `${buildx.version}, ${buildx.file}`),
    await pluginLine(cache),
  ];
}

async function summary(root: string, cache: string, docker: boolean, own: boolean): Promise<ToolStatus> {
  const name = "image builder";
  const files = builderFiles(root, cache);
  const running = await findDaemon(files.configuration);
  if (running && (await answers(files.socket))) {
    return { name, found: true, detail: `buildkitd of this checkout runs (process ${running.daemon})` };
  }
  if (docker) return { name, found: true, detail: "a container in the Docker engine, started when it is needed" };
  if (own) return { name, found: true, detail: "buildkitd of this checkout, started when it is needed" };
  return {
    name,
    found: false,
    detail: "neither a Docker engine nor what a builder of our own needs is there",
    cure: "mend what is marked below, or name a builder in the setting imageBuild.builder",
  };
}

async function pluginLine(cache: string): Promise<ToolStatus> {
  const program = await readProgram(pluginProgram("docker-build"));
  const name = `${program.name} ${program.recipe.version}`;
  const built = await findBuilt(program, cache);
  if (built) return { name, found: true, detail: `built, ${built.bin}` };
  const minutes = Math.ceil(program.recipe.expectedSeconds / 60);
  const detail = `not built; an official engine installs it, else it is built when it is needed (about ${minutes} min, once)`;
  return { name, found: false, detail };
}

/** Tools that are missing are built when they are needed, so they have no cure. */
async function toolLine(program: "buildkit" | "buildx", built?: string, other?: string): Promise<ToolStatus> {
  const { recipe } = await readProgram(program);
  const name = `${program} ${recipe.version}`;
  if (built) return { name, found: true, detail: `built, ${built}` };
  if (other) return { name, found: true, detail: `not built; the machine's own is used: ${other}` };
  const minutes = Math.ceil(recipe.expectedSeconds / 60);
  return { name, found: false, detail: `not built yet; is built when it is needed (about ${minutes} min, once)` };
}
