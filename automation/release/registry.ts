import {
  BatchGetImageCommand,
  DescribeImagesCommand,
  ECRClient,
  RepositoryNotFoundException,
  ImageNotFoundException,
  type ImageDetail,
} from "@aws-sdk/client-ecr";
import { TributaryError } from "../errors";
import { connectClients, type LocalAws } from "../local";
import type { ImageReference } from "./reference";

/** A layer of an image as its manifest lists it. */
export interface ManifestLayer {
  digest: string;
  /** Compressed, in bytes. */
  size: number;
}

/** What the registry knows about an image. */
export interface RegistryImage {
  digest: string;
  layers: ManifestLayer[];
  /** Of its configuration, which holds the labels. */
  config?: string;
  /** Layers and configuration as they are stored, compressed, in bytes. */
  size: number;
  /** Of its manifest, with the manifest's length in bytes. */
  mediaType: string;
  manifestSize: number;
  /** ISO 8601. */
  pushedAt?: string;
  tags: string[];
}

/** Media types of single manifests: an index is nothing that Lambda runs. */
export const manifestTypes = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];

/** Most images that ECR takes in one request. */
const atOnce = 100;

/** A client of a region's registry, and how to let go of it. */
export interface EcrConnection {
  client: ECRClient;
  close(): void;
}

/** Connects to the registry of a region, or to that of the local AWS. */
export async function connectEcr(region: string, aws?: LocalAws): Promise<EcrConnection> {
  const { settings, close } = await connectClients(aws);
  const client = new ECRClient({ ...settings, region, maxAttempts: 5 });
  return { client, close: () => (client.destroy(), close()) };
}

/**
 * Looks images of one repository up by their digests.
 *
 * @returns by digest; what the registry does not have is not in it
 */
export async function lookUp(
  client: Pick<ECRClient, "send">,
  repository: string,
  digests: string[],
  registryId?: string,
): Promise<Map<string, RegistryImage>> {
  const found = new Map<string, RegistryImage>();
  const wanted = [...new Set(digests)];
  for (let start = 0; start < wanted.length; start += atOnce) {
    const imageIds = wanted.slice(start, start + atOnce).map((imageDigest) => ({ imageDigest }));
    const request = { repositoryName: repository, registryId, imageIds };
    const images = await client
      .send(new BatchGetImageCommand({ ...request, acceptedMediaTypes: manifestTypes }))
      .then(({ images: given = [] }) => given, missing);
    const present = images.map(({ imageId }) => ({ imageDigest: imageId?.imageDigest }));
    if (present.length === 0) continue;
    const details: ImageDetail[] = await client
      .send(new DescribeImagesCommand({ ...request, imageIds: present }))
      .then(({ imageDetails = [] }) => imageDetails, missing);
    for (const { imageId, imageManifest = "", imageManifestMediaType: mediaType = manifestTypes[0]! } of images) {
      const digest = imageId?.imageDigest ?? "";
      const detail = details.find(({ imageDigest }) => imageDigest === digest);
      const manifestSize = Buffer.byteLength(imageManifest);
      found.set(digest, {
        digest,
        mediaType,
        manifestSize,
        ...readManifest(imageManifest, digest),
        ...describe(detail),
      });
    }
  }
  return found;
}

/** References of several repositories and regions, looked up where they are. */
export async function lookUpAll(
  references: ImageReference[],
  fallbackRegion: string,
  aws?: LocalAws,
): Promise<Map<string, RegistryImage>> {
  const groups = new Map<string, ImageReference[]>();
  for (const each of references) {
    const key = `${each.account ?? ""} ${each.region ?? fallbackRegion} ${each.repository}`;
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  const found = new Map<string, RegistryImage>();
  for (const group of groups.values()) {
    const { repository, region, account } = group[0]!;
    const { client, close } = await connectEcr(region ?? fallbackRegion, aws);
    try {
      const digests = group.map(({ digest }) => digest);
      for (const [digest, image] of await lookUp(client, repository, digests, account)) found.set(digest, image);
    } finally {
      close();
    }
  }
  return found;
}

/**
 * Reads layers and size out of a manifest.
 *
 * @throws TributaryError `ManifestUnexpected` when it is an index, or no manifest
 */
export function readManifest(text: string, digest: string): Pick<RegistryImage, "layers" | "size" | "config"> {
  const manifest = parse(text);
  const { layers, config } = manifest ?? {};
  if (!Array.isArray(layers) || !layers.every(isLayer)) {
    const what = Array.isArray(manifest?.manifests) ? "an index of several manifests" : "no image manifest";
    throw new TributaryError(`${digest} is ${what}; Lambda runs single image manifests only`, {
      code: "ManifestUnexpected",
      source: "cloud",
      next: "tributary images build",
    });
  }
  const size = layers.reduce((sum, layer) => sum + layer.size, isLayer(config) ? config.size : 0);
  return {
    layers: layers.map(({ digest: of, size: bytes }) => ({ digest: of, size: bytes })),
    ...(isLayer(config) ? { config: config.digest } : {}),
    size,
  };
}

function parse(text: string): { layers?: unknown; config?: unknown; manifests?: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function isLayer(value: unknown): value is ManifestLayer {
  const { digest, size } = (value ?? {}) as Partial<ManifestLayer>;
  return typeof digest === "string" && typeof size === "number";
}

function describe(detail: ImageDetail | undefined): { pushedAt?: string; tags: string[] } {
  const pushedAt = detail?.imagePushedAt?.toISOString();
  return { ...(pushedAt === undefined ? {} : { pushedAt }), tags: [...(detail?.imageTags ?? [])].sort() };
}

/** What was deleted meanwhile is shown as missing, not as a failure of the whole listing. */
function missing(error: unknown): [] {
  if (error instanceof RepositoryNotFoundException || error instanceof ImageNotFoundException) return [];
  throw error;
}
