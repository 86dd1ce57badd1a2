import { createRequire } from "node:module";
import type { EngineEvent } from "@pulumi/pulumi/automation";
import type { CommandContext } from "../commands/context";
import { userError } from "../errors";
import { secondsSince, step } from "../events";
import { functionsOf, LAYER, RUNTIME } from "../images";
import { isRecord } from "../json";
import { ensureLocalAws } from "../local";
import type { Attachment } from "./distribution";
import { buildxOf, failedBuilds, failureOf, type BuildFailure } from "../stacks/buildLog";
import type { deploy, DeployResult } from "../stacks/deploy";
import type { Environment } from "../stacks/environments";
import type { ImageBuild } from "../stacks/imageBuild";
import { ImageListener, type ImageResult } from "../stacks/imageProgress";
import type { Changes } from "../stacks/progress";
import { imagesOutputs, type ImagesOutputs } from "./outputs";
import type { RegistryImage } from "./registry";
import { PushListener, type PushedImage } from "./pushed";
import type { SbomRun } from "./sboms";
import { inputsOf, lastContentDigests, recordRelease, unchangedRelease, type Inputs } from "./unchanged";
import type { warmUpRuntime } from "./warmUp";

const load = createRequire(__filename);

/** What a run that changes nothing does without: loaded when something has to be built. */
const engine = () => (load("../stacks/deploy") as { deploy: typeof deploy }).deploy;
const sboms = () => (load("./sboms") as { SbomRun: typeof SbomRun }).SbomRun;
const warmUp = () => (load("./warmUp") as { warmUpRuntime: typeof warmUpRuntime }).warmUpRuntime;

/** What became of one image. */
export interface ReleasedImage extends ImageResult {
  digest?: string;
  uri?: string;
  /** Compressed, in bytes. */
  size?: number;
  /** File of its bill of materials. */
  sbom?: string;
  attachment?: Attachment;
  /** The step that failed, and the lines of the Dockerfile around it. */
  step?: string;
  source?: string;
}

/** What a build did. */
export interface Release {
  ok: boolean;
  repository?: string;
  images: ReleasedImage[];
  /** Of all resources of the stack; not when an image failed. */
  changes?: Changes;
  seconds: number;
}

/** The name of the components that build images, which their resources' names begin with. */
export const IMAGES_COMPONENT = "images";

/** An image's name from the logical name of its resource. */
export function imageOfResource(logicalName: string): string {
  return logicalName.replace(new RegExp(`^${IMAGES_COMPONENT}-`), "").replace(/-image$/, "");
}

/**
 * Checks the names that a person typed.
 *
 * @throws user error `UnknownImage`
 */
export function checkNames(names: string[], known: string[]): void {
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  const message = `there is no image ${unknown.map((name) => `"${name}"`).join(", ")}; there are: ${known.join(", ")}`;
  throw userError("UnknownImage", message, "tributary images build, for all of them");
}

/** Images that others are made from: they are always built when their content changed. */
const common = [LAYER, RUNTIME];

/** Names of all images of a checkout that a stack builds: not the layer, where that is an image that is there already. */
export function imageNames(root: string, { layer }: Pick<Environment, "layer"> = {}): string[] {
  return [...(layer === undefined ? common : [RUNTIME]), ...functionsOf(root).map(({ name }) => name)];
}

/** URNs of images that are left as they are. */
export function urnsOf(names: string[]): string[] {
  return names.flatMap((name) => [`**::${IMAGES_COMPONENT}-${name}-image`, `**::${IMAGES_COMPONENT}-${name}-revision`]);
}

/**
 * Builds and pushes the images whose content changed.
 *
 * @param names only these; empty: all
 * @throws user errors of names, Dockerfiles and settings; what a build itself gets wrong is in the result
 */
export async function buildImages(context: CommandContext, stack: Environment, names: string[]): Promise<Release> {
  const known = imageNames(context.root, stack);
  checkNames(names, known);
  const listener = new ImageListener(imageOfResource);
  const excluded = names.length === 0 ? [] : known.filter((name) => ![...common, ...names].includes(name));
  const started = performance.now();
  const aws = stack.local ? await ensureLocalAws(context.root, context.sink) : undefined;
  const inputs = names.length === 0 ? inputsOf(context, stack, aws) : Promise.resolve(undefined);
  // Told when it is awaited; until then nobody listens.
  inputs.catch(() => undefined);
  const unchanged = await unchangedRelease(context.root, stack, inputs);
  if (unchanged) return { ...unchanged, seconds: secondsSince(started) };
  const bills = new (sboms())(context.root, aws?.region ?? stack.region ?? "", aws, stack.layer === undefined);
  const run = new BuildRun(context, bills, stack, listener, excluded);
  const pushes = new PushListener(
    imageOfResource,
    (image) => bills.pushed(image),
    (image) => void run.seen.set(image.name, image),
  );
  try {
    const { changes } = await engine()(context, stack, "up", {
      ...(excluded.length === 0 ? {} : { exclude: urnsOf(excluded) }),
      onBuilder: (build) => void run.warmUp(build, inputs),
      onEvent: (event: EngineEvent) => (listener.onEvent(event), pushes.onEvent(event)),
      onEnd: (build, _aws, outputs) => run.end(build, outputs),
    });
    const { outputs } = run;
    const release = { ok: true, repository: outputs?.repository, images: run.asked, changes };
    if (outputs) await recordRelease(context.root, stack, await inputs, { ...release, seconds: 0 }, outputs);
    return { ...release, seconds: secondsSince(started) };
  } catch (error) {
    const failed = run.images.some(({ result }) => result === "failed");
    if (!failed || context.signal.aborted) throw error;
    return { ok: false, images: run.asked, seconds: secondsSince(started) };
  } finally {
    await bills.close();
  }
}

/** Gathers what a run did while its builder, its registry and its logins are still there. */
class BuildRun {
  images: ReleasedImage[] = [];
  outputs: ImagesOutputs | undefined;
  /** Images as the engine saw them. */
  readonly seen = new Map<string, PushedImage>();
  private readonly since = Date.now();

  constructor(
    private readonly context: CommandContext,
    private readonly bills: SbomRun,
    private readonly stack: Environment,
    private readonly listener: ImageListener,
    /** Images that are left as they are, whatever the checkout says. */
    private readonly excluded: string[],
  ) {}

  /** What became of the images that were to be built, those that others are made from included. */
  get asked(): ReleasedImage[] {
    return this.images.filter(({ name }) => !this.excluded.includes(name));
  }

  /**
   * Uses the seconds in which the engine starts. What fails here fails again, and is told, where it is needed.
   *
   * @param begun what the run is made from; undefined where only the run itself can tell
   */
  async warmUp(build: ImageBuild, begun: Promise<Inputs | undefined>): Promise<void> {
    const { context, stack, bills } = this;
    try {
      await Promise.all([bills.warmUp(), this.warmUpRuntime(build, await begun)]);
    } catch (error) {
      if (process.env.TRIBUTARY_DEBUG)
        context.sink({ type: "message", level: "info", text: `${stack.name}: ${String(error)}` });
    }
  }

  private async warmUpRuntime(build: ImageBuild, inputs: Inputs | undefined): Promise<void> {
    if (inputs === undefined) return;
    const { root, signal } = this.context;
    const last = await lastContentDigests(root, this.stack);
    if (last?.[RUNTIME] !== inputs.images[RUNTIME]) await warmUp()(root, build, inputs.runtime, signal);
  }

  async end(build: ImageBuild, outputs: DeployResult["outputs"] | undefined): Promise<void> {
    this.images = this.listener.images;
    if (this.images.some(({ result }) => result === "failed")) await this.explain(build);
    if (!outputs) return;
    // The stack tells of its images when it has the whole set, not before.
    if (this.excluded.length > 0 && !isRecord(outputs.images)) return this.incomplete();
    this.outputs = imagesOutputs(outputs, this.stack.name, "tributary images build");
    await this.describe(this.outputs);
  }

  private incomplete(): void {
    this.images = this.images.map((image) => {
      const { digest, uri } = this.seen.get(image.name) ?? {};
      return digest === undefined ? image : { ...image, digest, uri };
    });
    const text = "not all images are built yet, so none can be deployed: tributary images build makes the others";
    this.context.sink({ type: "message", level: "warning", text });
  }

  private async explain({ builder, env }: ImageBuild): Promise<void> {
    const failures = await failedBuilds(buildxOf(builder, env), this.since);
    this.images = this.images.map((image) =>
      image.result === "failed" ? explained(image, failureOf(failures, this.context.root, image.name)) : image,
    );
  }

  private async describe(outputs: ImagesOutputs): Promise<void> {
    const described = await step(this.context.sink, "Look at images and their bills of materials", (progress) =>
      this.bills.finish(outputs, this.excluded, progress),
    );
    this.images = this.images.map((image) => ({
      ...image,
      ...released(outputs, image.name, described.registry),
      ...described.sboms.get(image.name),
    }));
  }
}

function released(outputs: ImagesOutputs, name: string, registry: Map<string, RegistryImage>): Partial<ReleasedImage> {
  const built = outputs.images[name];
  if (!built) return {};
  const size = registry.get(built.digest)?.size;
  return { digest: built.digest, uri: built.uri, ...(size === undefined ? {} : { size }) };
}

function explained(image: ReleasedImage, failure: BuildFailure | undefined): ReleasedImage {
  if (!failure) return image;
  const { step: of, lines, source, message } = failure;
  return { ...image, cause: message, ...(of === undefined ? {} : { step: of }), lines, ...(source ? { source } : {}) };
}
