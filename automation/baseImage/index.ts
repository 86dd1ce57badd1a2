/**
 * The stand-in base image for machines that reach no public image registry: made once from Debian's and npm's packages by
 * the recipe in toolchain/base-image, kept in the tool cache, published to the local AWS's registry when it is asked for.
 */
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { CreateRepositoryCommand, ECRClient, RepositoryAlreadyExistsException } from "@aws-sdk/client-ecr";
import { digestOf, Registry, type Manifest } from "../containers/registry";
import { step, type EventSink } from "../events";
import { connectClients, type LocalAws } from "../local";
import { ensureBuilt } from "../toolchain/build";
import { cacheRoot, findBuilt, type Built } from "../toolchain/cache";
import { programsRoot, readProgram } from "../toolchain/recipe";
import { debianRelease, runRecipe } from "./recipe";

/** Folder name below toolchain/ and in the tool cache. */
const NAME = "base-image";

/** The repository of the local AWS that holds the stand-in. */
export const BASE_REPOSITORY = "tributary-base";

/** What the stand-in can run: as `public.ecr.aws/lambda/nodejs` and `public.ecr.aws/lambda/python` do. */
export type BaseLanguage = "node" | "python";

/** What the names of the images' files in the build begin with. */
const PREFIXES: Record<BaseLanguage, string> = { node: "", python: "python-" };

/** Settings of `ensureBaseImage`; every one has a default. */
export interface BaseImageOptions {
  /** Root of the tool cache. @default cacheRoot() */
  cache?: string;
  /** @default BASE_REPOSITORY */
  repository?: string;
  /** What the functions are written in. @default "node" */
  language?: BaseLanguage;
  /** Stops a running build. */
  signal?: AbortSignal;
}

/** Whether this machine has the stand-in already, and of which Debian and Node it would be. */
export interface BaseImageStatus {
  built: boolean;
  /** Node's version. */
  version: string;
  /** Compressed bytes of its layer, where it is built. */
  size?: number;
}

/** What is known of the stand-in without building anything. */
export async function baseImageStatus(cache = cacheRoot()): Promise<BaseImageStatus> {
  const program = await readProgram(NAME, programsRoot);
  const built = await findBuilt(program, cache);
  return { built: built !== undefined, version: program.recipe.version, size: built?.record.files["bin/layer.tar.gz"] };
}

/**
 * The stand-in for AWS's base image of a language, in the local AWS's registry. The first call on a machine builds it
 * (about three minutes; of two calls at once one builds), the first one of a local AWS pushes it (about two seconds), any
 * other one only looks (some milliseconds).
 *
 * @returns `localhost:<port>/<repository>@sha256:<digest>`: the same digest as long as the tool cache keeps the build
 * @throws TributaryError `BaseImageLacks` (names the command that mends it), `ToolchainBuildFailed`,
 *   `ToolchainBuildCancelled`, `RegistryFailed`
 */
export async function ensureBaseImage(aws: LocalAws, sink: EventSink, options: BaseImageOptions = {}): Promise<string> {
  const repository = options.repository ?? BASE_REPOSITORY;
  const host = `localhost:${aws.port}`;
  const built = await ensureBaseBuild(sink, options);
  const prefix = PREFIXES[options.language ?? "node"];
  const manifest = await readFile(path.join(built.bin, `${prefix}manifest.json`));
  const reference = `${host}/${repository}@${digestOf(manifest)}`;
  const registry = new Registry({ host, ca: await readFile(aws.caFile, "utf8") });
  try {
    if (!(await registry.has(repository, digestOf(manifest)))) {
      await step(sink, "Push the stand-in base image", async () => {
        await ensureRepository(aws, repository);
        await push(registry, repository, built.bin, prefix);
      });
    }
  } finally {
    registry.close();
  }
  return reference;
}

/** The build of the stand-in in the tool cache: `bin` holds the manifests, configurations and packed layers. */
export async function ensureBaseBuild(sink: EventSink, options: BaseImageOptions = {}): Promise<Built> {
  const program = await readProgram(NAME, programsRoot);
  return ensureBuilt(program, sink, {
    cache: options.cache ?? cacheRoot(),
    signal: options.signal,
    run: runRecipe,
    go: debianRelease,
  });
}

async function ensureRepository(aws: LocalAws, repository: string): Promise<void> {
  const { settings, close } = await connectClients(aws);
  const client = new ECRClient(settings);
  try {
    await client.send(new CreateRepositoryCommand({ repositoryName: repository, imageTagMutability: "IMMUTABLE" }));
  } catch (error) {
    if (!(error instanceof RepositoryAlreadyExistsException)) throw error;
  } finally {
    client.destroy();
    close();
  }
}

/** The layers of all images, lowest first. */
const LAYERS = ["layer.tar.gz", "python.tar.gz"];

async function push(registry: Registry, repository: string, bin: string, prefix: string): Promise<void> {
  const text = await readFile(path.join(bin, `${prefix}manifest.json`));
  const manifest = JSON.parse(text.toString("utf8")) as Manifest & { mediaType: string };
  const file = (name: string) => () => createReadStream(path.join(bin, name));
  await registry.push(repository, manifest.config, file(`${prefix}config.json`));
  for (const [index, layer] of manifest.layers.entries()) await registry.push(repository, layer, file(LAYERS[index]!));
  await registry.pushManifest(repository, text, manifest.mediaType);
}
