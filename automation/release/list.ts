import { withLake } from "../lake/connect";
import { remoteState } from "../lake/remote";
import { silent } from "../events";
import { findLocalAws } from "../local";
import { localAwsStopped } from "../lake/stopped";
import type { Environment } from "../stacks/environments";
import { outputsOf, readLocalState } from "../stacks/state";
import { commitOf } from "./compare";
import { imagesOutputs, type ImagesOutputs } from "./outputs";
import { parseReference } from "./reference";
import { lookUpAll, type RegistryImage } from "./registry";
import { runningFunctions } from "./running";

/** An image as a list shows it; what only the registry knows is absent when it has the image no more. */
export interface ListedImage {
  name: string;
  digest: string;
  uri: string;
  /** Compressed, in bytes. */
  size?: number;
  layers?: number;
  /** Layers that another image of the list has, too, and their bytes. */
  shared?: number;
  sharedBytes?: number;
  /** ISO 8601. */
  pushedAt?: string;
  tags: string[];
  commit?: string;
  buildId?: string;
}

/** Images with where they lie. */
export interface ImageList {
  repository?: string;
  images: ListedImage[];
}

/**
 * The images that a stack built last.
 *
 * @throws TributaryError `ImagesNotBuilt`, `LocalAwsStopped`
 */
export async function listImages(root: string, stack: Environment): Promise<ImageList> {
  const outputs = await builtImages(root, stack);
  const aws = stack.local ? await findLocalAws(root) : undefined;
  if (stack.local && !aws) throw localAwsStopped("tributary images build");
  const references = Object.values(outputs.images).map(({ uri }) => parseReference(uri));
  const known = await lookUpAll(references, outputs.region, aws);
  const named = Object.entries(outputs.images).map(([name, { digest, uri, commit, buildId }]) => ({
    name,
    digest,
    uri,
    ...(commit === undefined ? {} : { commit }),
    ...(buildId === undefined ? {} : { buildId }),
  }));
  return { repository: outputs.repository, images: describeAll(named, known) };
}

/** Outputs of a stack that builds images, from its state. */
export async function builtImages(root: string, stack: Environment): Promise<ImagesOutputs> {
  const state = stack.local ? await readLocalState(root, stack) : await remoteState(root, stack, silent);
  const next = stack.local ? "tributary images build" : "tributary images build --push";
  return imagesOutputs(state ? outputsOf(state) : {}, stack.name, next);
}

/** The images that an environment runs. Functions that run archives are left out. */
export async function listRunning(root: string, environment: Environment): Promise<ImageList> {
  return withLake(root, environment, async (lake) => {
    const running = (await runningFunctions(lake)).flatMap(({ name, uri, reference }) =>
      uri !== undefined && reference ? [{ name, uri, reference }] : [],
    );
    const aws = environment.local ? await findLocalAws(root) : undefined;
    const known = await lookUpAll(
      running.map(({ reference }) => reference),
      lake.outputs.region,
      aws,
    );
    const named = running.map(({ name, uri, reference: { digest } }) => ({ name, uri, digest }));
    return { images: describeAll(named, known) };
  });
}

type Named = Omit<ListedImage, "tags">;

/** Completes images with what the registry knows, and with what they share among each other. */
export function describeAll(named: Named[], known: Map<string, RegistryImage>): ListedImage[] {
  const users = new Map<string, number>();
  for (const { digest } of uniqueBy(named)) {
    for (const layer of new Set(known.get(digest)?.layers.map((each) => each.digest))) {
      users.set(layer, (users.get(layer) ?? 0) + 1);
    }
  }
  return [...named]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((image) => describe(image, known.get(image.digest), users));
}

function uniqueBy(named: Named[]): Named[] {
  return [...new Map(named.map((image) => [image.digest, image])).values()];
}

function describe(image: Named, found: RegistryImage | undefined, users: Map<string, number>): ListedImage {
  if (!found) return { ...image, tags: [] };
  const shared = found.layers.filter(({ digest }) => (users.get(digest) ?? 0) > 1);
  const commit = image.commit ?? commitOf(image.name, found.tags);
  return {
    ...image,
    size: found.size,
    layers: found.layers.length,
    shared: shared.length,
    sharedBytes: shared.reduce((sum, { size }) => sum + size, 0),
    ...(found.pushedAt === undefined ? {} : { pushedAt: found.pushedAt }),
    tags: found.tags,
    ...(commit === undefined ? {} : { commit }),
  };
}
