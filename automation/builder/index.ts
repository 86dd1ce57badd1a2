/**
 * Who builds images: a builder that the settings name, a container in a Docker engine, or a `buildkitd` of the checkout's
 * own. docs/builder.md tells how one is chosen.
 */
import { mkdir, rm, stat } from "node:fs/promises";
import { TributaryError } from "../errors";
import { silent, type EventSink } from "../events";
import { withLock } from "../local/locking";
import { ensureTool, findTool } from "../toolchain";
import { containerBuilder, engineLikely, removeContainer } from "./container";
import { answers, endDaemonOf, ensureDaemon } from "./daemon";
import { builderFiles, type BuilderFiles } from "./files";
import { remoteInstance } from "./instances";
import { namedBuilder } from "./named";
import { findDaemon } from "./processes";
import { ensureBuildx, findBuildx } from "./program";
import { requirements, systemProgram } from "./requirements";
import { builderName, type Builder, type BuilderOptions } from "./types";

export { ecrAddress, ecrLogins, type EcrRegistry } from "./ecr";
export { RegistryLogins, type Clock, type Login, type LoginSource } from "./logins";
export { builderStatus } from "./status";
export { builderName, type Builder, type BuilderOptions, type OwnRegistry } from "./types";

/**
 * Finds or starts who builds this checkout's images: the builder that the settings name; else a container in a Docker
 * engine, where there is one that can; else a `buildkitd` of the checkout, which outlives the command.
 *
 * @param root the checkout
 * @throws TributaryError BuilderNotFound, BuilderUnusable, BuilderMissing, BuilderStartFailed, BuilderBusy,
 *   RegistryAddressInvalid, BuilderPathTooLong, and what building the tools throws
 */
export async function ensureBuilder(root: string, options: BuilderOptions, sink: EventSink): Promise<Builder> {
  const { builder, sources = ["named", "docker", "buildkitd"], registries = [] } = options;
  if (builder !== undefined) return namedBuilder(builder, await ensureBuildx(sink, options));
  const files = builderFiles(root, options.cache);
  if (sources.includes("docker") && (await engineLikely())) {
    const buildx = await ensureBuildx(sink, options);
    const found = await locked(files, sink, () => containerBuilder(files, buildx, registries, sink));
    if (found) return found;
  }
  const runc = await systemProgram("runc");
  const lacking = (await requirements()).filter(({ found }) => !found);
  if (!sources.includes("buildkitd") || lacking.length > 0 || !runc) throw missing(lacking);
  return ownBuilder(files, runc, options, sink);
}

async function ownBuilder(
  files: BuilderFiles,
  runc: string,
  options: BuilderOptions,
  sink: EventSink,
): Promise<Builder> {
  const buildkitd = await ensureTool("buildkit", sink, options);
  const buildx = await ensureBuildx(sink, options);
  await locked(files, sink, () => ensureDaemon(files, { buildkitd, runc }, options.registries ?? [], sink));
  return {
    name: builderName,
    source: "buildkitd",
    buildx,
    description: `buildkitd of this checkout, ${files.socket}`,
    environment: (dockerConfig) => remoteInstance(buildx, builderName, files.socket, dockerConfig),
  };
}

function missing(lacking: { name: string; detail: string; cure: string }[]): TributaryError {
  const what = lacking.map(({ name, detail }) => `${name} (${detail})`).join(", ");
  return new TributaryError(
    "nobody is there to build images: no builder is named in the settings, no Docker engine can be used" +
      (what ? `, and a builder of our own lacks: ${what}` : ""),
    { code: "BuilderMissing", source: "user", next: lacking[0]?.cure ?? "start Docker, or name a builder" },
  );
}

async function locked<T>(files: BuilderFiles, sink: EventSink, work: () => Promise<T>): Promise<T> {
  await mkdir(files.home, { recursive: true, mode: 0o700 });
  return withLock(files.home, files.lock, sink, "the image builder", work);
}

/** Ends the checkout's own builder, with the builds that run in it; whether a `buildkitd` ran. Its cache stays. */
export async function stopBuilder(root: string, sink: EventSink = silent): Promise<boolean> {
  const files = builderFiles(root);
  if (!(await everStarted(files))) return false;
  return locked(files, sink, async () => {
    await endContainer(files, true);
    return endDaemonOf(files);
  });
}

/** Ends the checkout's own builder and removes its cache and its files; whether a `buildkitd` ran. */
export async function eraseBuilder(root: string, sink: EventSink = silent): Promise<boolean> {
  const files = builderFiles(root);
  if (!(await everStarted(files))) return false;
  const ran = await locked(files, sink, async () => {
    await endContainer(files, false);
    const running = await endDaemonOf(files);
    await rm(files.state, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    return running;
  });
  await rm(files.home, { recursive: true, force: true });
  if (files.sockets !== files.home) await rm(files.sockets, { recursive: true, force: true });
  return ran;
}

/** Whether there is anything to end: its folder, or a daemon that outlived it. */
async function everStarted(files: BuilderFiles): Promise<boolean> {
  const folder = await stat(files.home).catch(() => undefined);
  return folder !== undefined || (await findDaemon(files.configuration)) !== undefined;
}

async function endContainer(files: BuilderFiles, keepState: boolean): Promise<void> {
  const buildx = (await findTool("buildx")) ?? (await findBuildx())?.file;
  if (buildx) await removeContainer(files, buildx, keepState);
}

/** The checkout's own `buildkitd`, if it runs and answers: process id and socket. Starts nothing. */
export async function findBuilder(root: string): Promise<{ pid: number; socket: string } | undefined> {
  const files = builderFiles(root);
  const running = await findDaemon(files.configuration);
  if (!running?.daemon || !(await answers(files.socket))) return undefined;
  return { pid: running.daemon, socket: files.socket };
}
