import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { PulumiCommand } from "@pulumi/pulumi/automation";
import { parse, type SemVer } from "semver";
import { automationApi } from "./automationApi";
import { messageOf, TributaryError } from "../errors";
import { step, type EventSink } from "../events";
import { workPrefix } from "./cache";
import { withLock } from "./lock";

/** How long the download site may take to answer before it counts as out of reach. */
const probeMs = 3000;

/** How long a site that could not be reached is not asked again. */
const rememberMs = 15 * 60 * 1000;

/** How long `pulumi version` may take; a broken wrapper on PATH must not hang the driver. */
const versionMs = 10_000;

/** How long the official installer may take: 100 MB on a slow line. */
const installMs = 10 * 60 * 1000;

/** Whether an engine can drive programs written against the SDK of `wanted`: same major version, and not older. */
export function fits(found: SemVer | null | undefined, wanted: string): boolean {
  return !!found && found.major === parse(wanted)?.major && found.compareMain(wanted) >= 0;
}

/** The first executable of that name in the folders of a PATH, or undefined. */
export async function which(name: string, searchPath = process.env.PATH ?? ""): Promise<string | undefined> {
  for (const folder of searchPath.split(path.delimiter).filter((part) => path.isAbsolute(part))) {
    const file = path.join(folder, process.platform === "win32" ? `${name}.exe` : name);
    const found = await stat(file).catch(() => undefined);
    if (found?.isFile() && (process.platform === "win32" || (found.mode & 0o111) !== 0)) return file;
  }
  return undefined;
}

/**
 * Asks an engine for its version; undefined if it does not answer sensibly in time.
 *
 * @param root folder with bin/pulumi; undefined = the `pulumi` on PATH
 * @param timeoutMs milliseconds
 */
export async function engineAt(root?: string, timeoutMs = versionMs): Promise<PulumiCommand | undefined> {
  const tooLate = new AbortController();
  const late = sleep(timeoutMs, undefined, { signal: tooLate.signal }).catch(() => undefined);
  try {
    return (
      (await Promise.race([
        automationApi()
          .PulumiCommand.get({ root, skipVersionCheck: true })
          .catch(() => undefined),
        late,
      ])) ?? undefined
    );
  } finally {
    tooLate.abort();
  }
}

/** Where the engine keeps its plugins and credentials. */
export function pulumiHome(env: NodeJS.ProcessEnv = process.env): string {
  return env.PULUMI_HOME ? path.resolve(env.PULUMI_HOME) : path.join(os.homedir(), ".pulumi");
}

/**
 * Whether a plugin of this version lies where an official engine finds it.
 *
 * @param name of its package, such as "aws"
 */
export async function pluginInstalled(version: string, home = pulumiHome(), name = "aws"): Promise<boolean> {
  const folder = path.join(home, "plugins", `resource-${name}-v${version}`);
  // The engine marks an unfinished installation with a file beside the folder.
  const [there, partial] = await Promise.all(
    [folder, `${folder}.partial`].map((file) => stat(file).catch(() => undefined)),
  );
  return there?.isDirectory() === true && !partial;
}

/** Settings of the probe; tests change them. */
export interface ProbeOptions {
  /** The address whose answer decides. @default the archive of this engine version on Pulumi's download site */
  url?: string;
  /** Milliseconds. @default 3000 */
  timeoutMs?: number;
}

/**
 * Whether Pulumi's download site answers, asked with a HEAD request for the very archive that would be installed. A "no" is
 * remembered for 15 minutes in the tool cache.
 */
export async function downloadsReachable(version: string, cache: string, options: ProbeOptions = {}): Promise<boolean> {
  const url = options.url ?? archiveUrl(version);
  const memory = path.join(cache, "unreachable.json");
  const known = await readFile(memory, "utf8").then(
    (text) => parseMemory(text),
    () => undefined,
  );
  if (known?.url === url && known.until > Date.now() && known.until <= Date.now() + rememberMs) return false;
  const reached = await fetch(url, { method: "HEAD", signal: AbortSignal.timeout(options.timeoutMs ?? probeMs) }).then(
    (response) => response.ok,
    () => false,
  );
  if (!reached) {
    await mkdir(cache, { recursive: true }).catch(() => undefined);
    await writeFile(memory, JSON.stringify({ url, until: Date.now() + rememberMs })).catch(() => undefined);
  }
  return reached;
}

function parseMemory(text: string): { url: string; until: number } | undefined {
  try {
    return JSON.parse(text) as { url: string; until: number };
  } catch {
    return undefined;
  }
}

function archiveUrl(version: string): string {
  return `https://get.pulumi.com/releases/sdk/pulumi-v${version}-${process.platform}-${process.arch}.tar.gz`;
}

/** The folder of the official installation in the tool cache. */
export function officialRoot(version: string, cache: string): string {
  return path.join(cache, "tools", "official", version);
}

/**
 * Installs the official engine into the tool cache with the Automation API's own installer.
 *
 * @returns undefined if the installation failed, with a warning that says why: the caller has another way
 */
export async function installOfficial(
  version: string,
  cache: string,
  sink: EventSink,
  signal?: AbortSignal,
): Promise<PulumiCommand | undefined> {
  const root = officialRoot(version, cache);
  const parent = path.dirname(root);
  await mkdir(parent, { recursive: true });
  try {
    await step(sink, `Installing the official Pulumi ${version}`, (progress) =>
      withLock(
        parent,
        () => progress("another process is installing it; waiting for that"),
        signal,
        async () => {
          if (await engineAt(root)) return;
          // One name for all: whoever holds the lock owns it, and removes what a killed one left.
          const work = path.join(parent, `${workPrefix}install`);
          await rm(work, { recursive: true, force: true });
          await inTime(automationApi().PulumiCommand.install({ root: work, version: parse(version) ?? undefined }));
          await rm(root, { recursive: true, force: true });
          await rename(work, root);
        },
      ),
    );
    return await engineAt(root);
  } catch (error) {
    if (signal?.aborted) throw error;
    const reason = messageOf(error);
    sink({
      type: "message",
      level: "warning",
      text: `The official installation of Pulumi failed, so it is built here instead: ${reason}`,
    });
    return undefined;
  }
}

/** Waits for the installer, which cannot be stopped, no longer than ten minutes. */
async function inTime(installing: Promise<unknown>): Promise<void> {
  const done = new AbortController();
  const late = sleep(installMs, undefined, { signal: done.signal }).then(() => {
    throw new TributaryError("the installer did not end within ten minutes", { code: "ToolchainInstallTimeout" });
  });
  // When the installer wins, the other one ends with an abort that nobody waits for.
  late.catch(() => undefined);
  await Promise.race([installing, late]).finally(() => done.abort());
}
