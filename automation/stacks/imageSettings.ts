import { readFile } from "node:fs/promises";
import * as path from "node:path";
import { parse } from "yaml";
import type { CommandContext } from "../commands/context";
import { DEFAULT_BASE_IMAGE, type PrepareOptions } from "../images";
import type { LocalAws } from "../local";
import { readyLayer } from "../settings/images";
import type { Environment } from "./environments";
import { decidedSettings, hostPlatform } from "./imageBuild";
import { runSettings } from "./settingsFile";

/** Settings of a run that builds images into the local AWS. */
export interface BuildSettings {
  /** The settings file of the run. */
  text: string;
  /** Name of the person's own builder. */
  builder: string | undefined;
  /** What images are prepared with; undefined where a base image still has to be looked up by its tag. */
  prepare: PrepareOptions | undefined;
}

interface BuildSection {
  baseImages?: unknown;
  layer?: string;
  registry?: string;
  source?: string;
}

/** The whole settings of such a run, without an engine. */
export async function buildSettingsOf(
  context: CommandContext,
  environment: Environment,
  aws: LocalAws,
): Promise<BuildSettings> {
  const decided = await decidedSettings(context, environment, aws);
  const text = await runSettings(environment, decided);
  const { config = {} } = (parse(text) ?? {}) as { config?: Record<string, unknown> };
  const build = (config["tributary:imageBuild"] ?? {}) as BuildSection;
  const baseImages = { BASE_IMAGE: DEFAULT_BASE_IMAGE, ...(build.baseImages as Record<string, string> | undefined) };
  const pinned = Object.values(baseImages).every((reference) => reference.includes("@sha256:"));
  const manifest = await readFile(path.join(context.root, "package.json"), "utf8");
  const { version } = JSON.parse(manifest) as { version: string };
  const source = build.source === undefined ? {} : { source: build.source };
  const prepare: PrepareOptions = { platform: hostPlatform, baseImages, version, ...readyLayer(build), ...source };
  return { text, builder: environment.builder, prepare: pinned ? prepare : undefined };
}
