import { readFileSync } from "node:fs";
import path from "node:path";
import * as aws from "@pulumi/aws";
import { silent } from "./automation/events";
import { prepareImages, revisionOf } from "./automation/images";
import { pinnedBases, promotedImages } from "./automation/images/source";
import { packageCode } from "./automation/packaging";
import {
  holdsImages,
  holdsPipelines,
  type Identity,
  type ImageBuildSettings,
  parseImagesSettings,
  parseSettings,
  platformOf,
  readyLayer,
  rawSettings,
  type Settings,
} from "./automation/settings";
import { deliveryProgram } from "./components/delivery/program";
import { Images } from "./components/images/Images";
import { Lake } from "./components/lake/Lake";
import type { LakeCode } from "./components/lake/packages";
import type { Scope } from "./components/scope";
import { leaveOutUnreadStacks } from "./components/stackTraces";
import { loadManifests } from "./layer/manifest";

const root = __dirname;
leaveOutUnreadStacks();

/**
 * The program of every stack: settings, then images (stack `images`), pipelines (`delivery`) or one lake (any other), and outputs.
 * `pulumi up` runs it, and so does the driver, as an inline program.
 *
 * @throws user errors for wrong settings, manifests and Dockerfiles, before anything is created
 */
async function program() {
  const raw = rawSettings();
  if (holdsPipelines(raw.stack)) return deliveryProgram(raw);
  if (!holdsImages(raw.stack)) return lake(parseSettings(raw));
  const settings = parseImagesSettings(raw);
  return (await images(settings, scopeOf(settings))).outputs;
}

async function lake(settings: Settings) {
  const manifests = loadManifests(path.join(root, "datasets"));
  const { permissionsBoundary } = settings;
  const scope = { ...(await scopeOf(settings)), ...(permissionsBoundary ? { permissionsBoundary } : {}) };
  return new Lake("lake", { scope, settings, manifests, ...(await codeOf(settings, scope)) }).outputs;
}

async function codeOf(settings: Settings, scope: Scope): Promise<LakeCode> {
  if (settings.packaging === "archive") return { code: await packageCode(root, silent) };
  if (settings.images !== "build") return { images: await promotedImages(settings) };
  return { images: (await images(settings, scope)).uris };
}

async function images(
  { imageBuild, tags }: Settings | ReturnType<typeof parseImagesSettings>,
  where: Scope | Promise<Scope>,
) {
  const preparing = pinnedBases(imageBuild.baseImages).then((baseImages) =>
    prepareImages(root, prepareOptions(imageBuild, baseImages), silent),
  );
  const [scope, prepared, revision] = await Promise.all([where, preparing, revisionOf(root)]);
  return new Images("images", { scope, settings: imageBuild, images: prepared, revision, tags });
}

function prepareOptions(settings: ImageBuildSettings, baseImages: Record<string, string>) {
  const { version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as { version: string };
  return { platform: platformOf(settings), baseImages, ...readyLayer(settings), source: settings.source, version };
}

async function scopeOf({ project, env, stack, region }: Identity): Promise<Scope> {
  const [identity, partition] = await Promise.all([aws.getCallerIdentity(), aws.getPartition()]);
  const { partition: name, dnsSuffix } = partition;
  return { project, env, stack, region, account: identity.accountId, partition: name, dnsSuffix };
}

export = program;
