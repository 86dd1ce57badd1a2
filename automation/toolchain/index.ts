import { stat } from "node:fs/promises";
import path from "node:path";
import type { PulumiCommand } from "@pulumi/pulumi/automation";
import { parse } from "semver";
import { TributaryError } from "../errors";
import type { EventSink } from "../events";
import { ensureBuilt } from "./build";
import { cacheRoot, findBuilt, type Built } from "./cache";
import { linkPlugin } from "./plugins";
import { automationApi } from "./automationApi";
import { downloadsReachable, engineAt, fits, installOfficial, officialRoot, pluginInstalled, which } from "./official";
import {
  builtPrograms,
  languageHost,
  pluginProgram,
  programsRoot,
  readProgram,
  type OptionalPlugin,
  type Program,
} from "./recipe";

export { cacheRoot } from "./cache";
export { builtPrograms, languageHost, type OptionalPlugin } from "./recipe";
export { ensureTool, findTool, type ToolOptions } from "./tools";
export { toolchainStatus, type ToolStatus } from "./status";

/** The Pulumi engine with the plugins that the project's programs need, ready to be run. */
export interface Toolchain {
  /** Where it comes from: found on PATH, installed from Pulumi's download site, or built from Go modules. */
  source: "path" | "official" | "built";
  /** The engine's version, such as "3.256.0". */
  version: string;
  /** Folders to put in front of PATH. */
  directories: string[];
  /** Environment variables to run the engine with, beside PATH. */
  env: Record<string, string>;
  /** The engine, for the Automation API. */
  command: PulumiCommand;
}

/** Settings of resolveToolchain; every one has a default. */
export interface ToolchainOptions {
  /** Root of the tool cache. @default cacheRoot() */
  cache?: string;
  /** Plugins that the program needs beside the AWS one. @default none */
  plugins?: OptionalPlugin[];
  /** The only sources to consider. @default all */
  sources?: Toolchain["source"][];
  /** Stops a running build or installation. */
  signal?: AbortSignal;
  /**
   * PULUMI_HOME of a built engine. Its plugins are put there as the engine itself would install them, so that it finds no
   * other ones and does not warn of plugins on PATH. @default .tributary/pulumi-home in this checkout
   */
  home?: string;
}

const defaultHome = path.join(path.dirname(programsRoot), ".tributary", "pulumi-home");

/** What the sources have in common while they are tried. */
interface Search {
  programs: Program[];
  /** The engine's version. */
  engine: string;
  /** Names and versions of the plugins. */
  plugins: { name: string; version: string }[];
  cache: string;
  sink: EventSink;
  signal?: AbortSignal;
  home: string;
  /** Whether Pulumi's download site answers; asked at most once. */
  reachable: () => Promise<boolean>;
  /** Whether a plugin that an official engine lacks may be built for it. */
  mayBuild: boolean;
}

/**
 * Finds the engine and its plugins, or gets them: a fitting `pulumi` on PATH, else an official installation, else one built
 * from Go modules. What is there already is preferred to what has to be fetched, and a warm start opens no connection.
 *
 * @throws TributaryError ToolchainGoMissing, ToolchainBuildFailed, ToolchainBuildCancelled, ToolchainCacheUnusable,
 *   ToolchainUnavailable
 */
export async function resolveToolchain(sink: EventSink, options: ToolchainOptions = {}): Promise<Toolchain> {
  const cache = options.cache ?? cacheRoot();
  const optional = [...new Set(options.plugins)].sort();
  const names = [...builtPrograms, ...optional.map((name) => pluginProgram(name))];
  const programs = await Promise.all(names.map((name) => readProgram(name)));
  const [engine, ...versions] = programs.map((program) => program.recipe.version) as [string, ...string[]];
  const reachable = once(() => downloadsReachable(engine, cache));
  const search: Search = {
    programs,
    engine,
    plugins: versions.map((version, index) => ({ name: ["aws", ...optional][index] ?? "", version })),
    cache,
    sink,
    signal: options.signal,
    home: options.home ?? defaultHome,
    reachable,
    mayBuild: options.sources?.includes("built") ?? true,
  };
  const attempts: [Toolchain["source"], (search: Search) => Promise<Toolchain | undefined>][] = [
    ["path", onPath],
    ["official", installedBefore],
    ["built", builtBefore],
    ["official", install],
    ["built", build],
  ];
  for (const [source, attempt] of attempts) {
    if (options.sources && !options.sources.includes(source)) continue;
    const found = await attempt(search);
    if (found) return found;
  }
  throw new TributaryError(`no Pulumi ${engine} is to be had from: ${options.sources?.join(", ")}`, {
    code: "ToolchainUnavailable",
    next: "allow the source `built`, or run `npx tributary doctor`: it tells what this machine lacks",
  });
}

/** The engine on PATH, unless it is one of ours (then the cache finds it faster) or lacks the plugin or the version. */
async function onPath(search: Search): Promise<Toolchain | undefined> {
  const file = await which("pulumi");
  if (!file || isBelow(search.cache, file)) return undefined;
  const command = await engineAt();
  const folders = fits(command?.version, search.engine) ? await pluginFolders(search) : undefined;
  return folders && official("path", command as PulumiCommand, folders);
}

/** An official installation of an earlier run. */
async function installedBefore(search: Search): Promise<Toolchain | undefined> {
  const root = officialRoot(search.engine, search.cache);
  if (!(await stat(root).catch(() => undefined))) return undefined;
  const command = await engineAt(root);
  const folders = fits(command?.version, search.engine) ? await pluginFolders(search) : undefined;
  return folders && official("official", command as PulumiCommand, [path.join(root, "bin"), ...folders]);
}

async function install(search: Search): Promise<Toolchain | undefined> {
  if (!(await search.reachable())) return undefined;
  const command = await installOfficial(search.engine, search.cache, search.sink, search.signal);
  return command && official("official", command, [path.join(officialRoot(search.engine, search.cache), "bin")]);
}

/**
 * The folders that an official engine needs on PATH for its plugins. It gets what it lacks by itself, where the site can be
 * reached. Elsewhere a small plugin is built for it; the AWS one takes as long as an engine, which is then built with it.
 *
 * @returns undefined where a plugin is not to be had in these ways
 */
async function pluginFolders(search: Search): Promise<string[] | undefined> {
  const folders: string[] = [];
  for (const { name, version } of search.plugins) {
    if (await pluginInstalled(version, undefined, name)) continue;
    if ((await which(`pulumi-resource-${name}`)) || (await search.reachable())) continue;
    const program = search.programs.find((candidate) => candidate.name === `pulumi-resource-${name}`);
    if (name === "aws" || !program || !search.mayBuild) return undefined;
    const { cache, signal } = search;
    folders.push((await ensureBuilt(program, search.sink, { cache, signal })).bin);
  }
  return folders;
}

async function official(source: "path" | "official", command: PulumiCommand, folders: string[]): Promise<Toolchain> {
  const directories = [...folders];
  const host = await which("pulumi-language-nodejs", [...folders, process.env.PATH].join(path.delimiter));
  if (!host) directories.push(path.dirname(languageHost));
  return { source, version: String(command.version), directories, env: { PULUMI_SKIP_UPDATE_CHECK: "true" }, command };
}

async function builtBefore(search: Search): Promise<Toolchain | undefined> {
  const builds = await Promise.all(search.programs.map((program) => findBuilt(program, search.cache)));
  return builds.every((item) => item !== undefined) ? fromBuilds(builds, search.home) : undefined;
}

async function build(search: Search): Promise<Toolchain> {
  const { programs, cache, sink, signal } = search;
  const builds: Built[] = [];
  for (const program of programs) builds.push(await ensureBuilt(program, sink, { cache, signal }));
  return fromBuilds(builds, search.home);
}

async function fromBuilds(builds: Built[], home: string): Promise<Toolchain> {
  const [engine, ...plugins] = builds as [Built, ...Built[]];
  await Promise.all(plugins.map((plugin) => linkPlugin(plugin, home)));
  const version = engine.record.version;
  return {
    source: "built",
    version,
    directories: [engine.bin],
    env: {
      PULUMI_HOME: home,
      PULUMI_IGNORE_AMBIENT_PLUGINS: "true",
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      TRIBUTARY_LANGUAGE_HOST: languageHost,
    },
    command: knownCommand(path.join(engine.bin, "pulumi"), version),
  };
}

/** A PulumiCommand whose version is on record, made without running `pulumi version`, which takes a quarter of a second. */
function knownCommand(command: string, version: string): PulumiCommand {
  const known = Object.create(automationApi().PulumiCommand.prototype as object) as PulumiCommand;
  return Object.assign(known, { command, version: parse(version) });
}

function isBelow(folder: string, file: string): boolean {
  const relative = path.relative(folder, file);
  return !relative.startsWith("..") && !path.isAbsolute(relative);
}

function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined;
  return () => (answer ??= ask());
}
