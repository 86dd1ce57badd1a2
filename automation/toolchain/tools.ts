import path from "node:path";
import type { EventSink } from "../events";
import { ensureBuilt } from "./build";
import { cacheRoot, findBuilt } from "./cache";
import { goVersion, minimumGoForImages } from "./go";
import { readProgram, tools } from "./recipe";

/** Settings of ensureTool. */
export interface ToolOptions {
  /** Root of the tool cache. @default cacheRoot() */
  cache?: string;
  /** Stops a running build. */
  signal?: AbortSignal;
}

/** The path of a tool that was built before, or undefined. Starts nothing. */
export async function findTool(name: keyof typeof tools, cache = cacheRoot()): Promise<string | undefined> {
  const built = await findBuilt(await readProgram(name), cache);
  return built && path.join(built.bin, tools[name]);
}

/**
 * The path of a tool, which is built from its Go modules where it was not built before.
 *
 * @throws TributaryError ToolchainGoMissing, ToolchainBuildFailed, ToolchainBuildCancelled, ToolchainCacheUnusable
 */
export async function ensureTool(
  name: keyof typeof tools,
  sink: EventSink,
  options: ToolOptions = {},
): Promise<string> {
  const program = await readProgram(name);
  const go = () =>
    goVersion(`${program.recipe.title} has to be built here, because this machine has none`, minimumGoForImages);
  const built = await ensureBuilt(program, sink, {
    cache: options.cache ?? cacheRoot(),
    signal: options.signal,
    go,
  });
  return path.join(built.bin, tools[name]);
}
