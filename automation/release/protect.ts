import {
  BatchDeleteImageCommand,
  BatchGetImageCommand,
  DescribeImagesCommand,
  ImageAlreadyExistsException,
  ImageTagAlreadyExistsException,
  PutImageCommand,
  type ECRClient,
  type Image,
  type ImageDetail,
} from "@aws-sdk/client-ecr";
import PQueue from "p-queue";
import { DEPLOYED } from "../../components/images/lifecycle";
import { TributaryError } from "../errors";
import type { EventSink } from "../events";
import type { LocalAws } from "../local";
import { parseReference, shortDigest, type ImageReference } from "./reference";
import { connectEcr, manifestTypes } from "./registry";

/** How many deployed images of a function stay protected, so that an environment can go back to them. */
export const KEPT_DEPLOYED = 10;

/** Most images that ECR takes in one request. */
const inRequest = 100;
/** Most images that ECR describes in one answer. */
const onPage = 1_000;
/** Images tagged at once: ECR allows ten manifests a second and account. */
const atOnce = 5;

/** What an environment runs, and where. */
export interface Deployed {
  env: string;
  region: string;
  /** 12 digits: the account that the environment is in. */
  account: string;
  /** Function -> `<repository>@sha256:…` */
  images: Record<string, string>;
}

/** What came of a protection. */
export interface Protection {
  /** Images that got a tag in this run. */
  tagged: number;
  /** Tags of images that are not kept any more. */
  removed: number;
}

/** A registry as far as it is needed here. */
export type Registry = Pick<ECRClient, "send">;

/** The tags of one environment in one repository. */
export interface ProtectedRepository {
  env: string;
  region: string;
  repository: string;
  /** What the environment runs. */
  running: string[];
  /** How many images of each function keep their tag, what runs included; undefined: no tag is ever removed. */
  keep: number | undefined;
}

/** What the tags of an environment in a region begin with. */
export function deployedPrefix(env: string, region: string): string {
  return `${DEPLOYED}${env}.${region}.`;
}

/**
 * Keeps the images that an environment runs, and the last ones that it ran, from ECR's lifecycle. Nothing of a deployment
 * fails by it: what cannot be protected is told as a warning, with the reason and what to do.
 *
 * @param connect a client of a region's registry
 */
export async function protectDeployed(
  { env, region, account, images }: Deployed,
  sink: EventSink,
  aws?: LocalAws,
  connect: typeof connectEcr = connectEcr,
): Promise<Protection> {
  const done: Protection = { tagged: 0, removed: 0 };
  for (const group of repositoriesOf(Object.values(images).map(parseReference))) {
    const { repository, registry } = group[0]!;
    const running = [...new Set(group.map(({ digest }) => digest))];
    const tag = `${deployedPrefix(env, region)}${shortDigest(running[0]!)}`;
    if (!aws && group[0]!.account !== account) {
      const owner = group[0]!.account === undefined ? "is not ECR's" : `is of the account ${group[0]!.account}`;
      const own = tag.replace(`${DEPLOYED}${env}.`, `${DEPLOYED}${env}-${account}.`);
      warn(sink, `${registry}/${repository} ${owner}, not of ${env}'s account ${account}`, running.length, own);
      continue;
    }
    const { client, close } = await connect(group[0]!.region ?? region, aws);
    try {
      // The local AWS would delete the image with any of its tags; and it has no lifecycle.
      const keep = aws ? undefined : KEPT_DEPLOYED;
      const { tagged, removed } = await protectIn(client, { env, region, repository, running, keep });
      done.tagged += tagged;
      done.removed += removed;
    } catch (error) {
      const { name, message } = error as Error;
      const code = error instanceof TributaryError ? error.code : name;
      warn(sink, `${registry}/${repository} answered ${code}: ${message}`, running.length, tag);
    } finally {
      close();
    }
  }
  return done;
}

function warn(sink: EventSink, why: string, count: number, tag: string): void {
  const text =
    `deployed images (${count}) may be ended by the lifecycle of their repository: ${why}; allow the deployment ` +
    "ecr:DescribeImages, ecr:BatchGetImage, ecr:PutImage and ecr:BatchDeleteImage there and deploy again, " +
    `or have its owner tag each image (aws ecr put-image), e.g. ${tag}`;
  sink({ type: "message", level: "warning", text });
}

function repositoriesOf(references: ImageReference[]): ImageReference[][] {
  const groups = new Map<string, ImageReference[]>();
  for (const each of references) {
    const key = `${each.registry}/${each.repository}`;
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  return [...groups.values()];
}

/**
 * Tags what an environment runs, in one repository, and takes the tags from what it does not keep any more: of each function
 * what it runs and, of those that it ran before, the ones that were pushed last. An image that has no other tag keeps its
 * tag, because ECR deletes an image with its last one.
 *
 * @throws the registry's errors; TributaryError `ImageMissing` when it lacks an image that runs, and the others are tagged
 */
export async function protectIn(client: Registry, wanted: ProtectedRepository): Promise<Protection> {
  const { env, region, repository, running, keep } = wanted;
  const prefix = deployedPrefix(env, region);
  const images = await describeAll(client, repository);
  const tagOf = (digest: string) => `${prefix}${shortDigest(digest)}`;
  const has = new Set(images.flatMap(({ imageTags = [] }) => imageTags));
  const untagged = running.filter((digest) => !has.has(tagOf(digest)));
  await tagAll(client, repository, untagged, tagOf);
  // Only when all that runs is protected does anything lose its protection.
  const superfluous = keep === undefined ? [] : superfluousTags(images, prefix, new Set(running), keep);
  for (const imageIds of pages(superfluous.map((imageTag) => ({ imageTag })))) {
    await client.send(new BatchDeleteImageCommand({ repositoryName: repository, imageIds }));
  }
  return { tagged: untagged.length, removed: superfluous.length };
}

/**
 * The tags of an environment that protect nothing which it has to keep.
 *
 * @param prefix of the environment's tags
 * @param keep how many images of each function are kept, what runs included
 */
export function superfluousTags(images: ImageDetail[], prefix: string, running: Set<string>, keep: number): string[] {
  const ours = (tag: string) => tag.startsWith(prefix);
  const runs = ({ imageDigest }: ImageDetail) => running.has(imageDigest ?? "");
  const ran = images.filter((image) => runs(image) || (image.imageTags ?? []).some(ours));
  const newestFirst = ran.sort((a, b) => Number(b.imagePushedAt ?? 0) - Number(a.imagePushedAt ?? 0));
  const ordered = [...newestFirst.filter(runs), ...newestFirst.filter((image) => !runs(image))];
  const counts = new Map<string, number>();
  return ordered.flatMap((image) => {
    const { imageTags = [] } = image;
    const names = functionsOf(imageTags);
    const places = names.map((name) => (counts.get(name) ?? 0) + 1);
    names.forEach((name, index) => counts.set(name, places[index]!));
    // Two functions may share an image: it stays as long as one of them keeps it. Without a name it has no other tag.
    const kept = names.length === 0 || runs(image) || places.some((place) => place <= keep);
    return kept ? [] : imageTags.filter(ours);
  });
}

/** Functions that an image is of: its other tags are `<function>.…`. */
function functionsOf(tags: string[]): string[] {
  const own = tags.filter((tag) => !tag.startsWith(DEPLOYED) && tag.includes("."));
  return [...new Set(own.map((tag) => tag.slice(0, tag.indexOf("."))))];
}

async function describeAll(client: Registry, repositoryName: string): Promise<ImageDetail[]> {
  const found: ImageDetail[] = [];
  let nextToken: string | undefined;
  do {
    const filter = { tagStatus: "TAGGED" as const };
    const request = { repositoryName, filter, maxResults: onPage, ...(nextToken === undefined ? {} : { nextToken }) };
    const page = await client.send(new DescribeImagesCommand(request));
    found.push(...(page.imageDetails ?? []));
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return found;
}

async function tagAll(
  client: Registry,
  repositoryName: string,
  digests: string[],
  tagOf: (digest: string) => string,
): Promise<void> {
  const images: Image[] = [];
  for (const imageIds of pages(digests.map((imageDigest) => ({ imageDigest })))) {
    const request = { repositoryName, imageIds, acceptedMediaTypes: manifestTypes };
    images.push(...((await client.send(new BatchGetImageCommand(request))).images ?? []));
  }
  const queue = new PQueue({ concurrency: atOnce });
  await queue.addAll(
    images.map(({ imageId, imageManifest, imageManifestMediaType }) => async () => {
      const imageDigest = imageId?.imageDigest ?? "";
      const image = { imageManifest, imageManifestMediaType, imageDigest, imageTag: tagOf(imageDigest) };
      await client.send(new PutImageCommand({ repositoryName, ...image })).catch(tagged);
    }),
  );
  const missing = digests.filter((digest) => !images.some(({ imageId }) => imageId?.imageDigest === digest));
  if (missing.length === 0) return;
  throw new TributaryError(`the repository ${repositoryName} has no image ${missing.map(shortDigest).join(", ")}`, {
    code: "ImageMissing",
    source: "cloud",
    next: "tributary images build --push, then deploy again",
  });
}

/** The tag is made of the digest: whoever was quicker gave it to the same image. */
function tagged(error: unknown): void {
  if (error instanceof ImageAlreadyExistsException || error instanceof ImageTagAlreadyExistsException) return;
  throw error;
}

function pages<T>(all: T[]): T[][] {
  const count = Math.ceil(all.length / inRequest);
  return Array.from({ length: count }, (_, index) => all.slice(index * inRequest, (index + 1) * inRequest));
}
