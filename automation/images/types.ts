/** Platforms that Lambda runs. */
export type Platform = "linux/arm64" | "linux/amd64";

/** Name of the image that carries the common layer; no function may have it. */
export const LAYER = "layer";

/** Name of the image that functions are built from: the base with the common layer; no function may have it. */
export const RUNTIME = "runtime";

/** AWS's own base image for Node.js functions; the base of every function that says nothing else. */
export const DEFAULT_BASE_IMAGE = "public.ecr.aws/lambda/nodejs:22";

/** Something that becomes an image: the layer, the runtime, or one function. */
export interface ImageSource {
  /** The function's folder name, {@link LAYER} or {@link RUNTIME}. */
  name: string;
  /**
   * What its context is: `layer` the packed layer, `runtime` the same, `bundle` the packed handler.ts, `folder` the
   * function's own folder, for any language.
   */
  kind: "layer" | "runtime" | "bundle" | "folder";
  /** The Dockerfile, relative to the checkout; undefined where it is part of this program. */
  dockerfile: string | undefined;
}

/** Build arguments that name our own images: the layer, and the base with the layer. */
export type OwnImage = "LAYER_IMAGE" | "RUNTIME_IMAGE";

/** An image that is checked, staged and ready to be built. */
export interface PreparedImage {
  name: string;
  kind: ImageSource["kind"];
  /** The staged build context, relative to the checkout, so that it is equal in every clone. */
  context: string;
  /** The staged Dockerfile, relative to the checkout. */
  dockerfile: string;
  /**
   * `sha256:<64 hex digits>` of everything that decides about the image: what is copied, Dockerfile, build arguments,
   * platform, labels, and the digests of layer and base.
   */
  contentDigest: string;
  /** Build arguments; those of {@link uses} come on top. */
  buildArgs: Readonly<Record<string, string>>;
  /** OCI labels. */
  labels: Readonly<Record<string, string>>;
  /** Which of our own images it is built from. */
  uses: readonly OwnImage[];
  platform: Platform;
  /** Whether the same content always gives the same digest: nothing is run while it is built. */
  reproducible: boolean;
  /**
   * Whether the builder has to set the times in the image, because its Dockerfile makes files or folders of its own. It packs
   * such an image's own layers twice.
   */
  rewriteTimes: boolean;
  /** Files and links that are copied. */
  files: number;
  /** Their size in bytes. */
  bytes: number;
}

/** Layer, runtime and all functions of a checkout, ready to be built. */
export interface PreparedImages {
  /** Undefined where a layer image is used that is there already. */
  layer: PreparedImage | undefined;
  /** The base with the layer, which functions are built from. */
  runtime: PreparedImage;
  /** Sorted by name. */
  functions: PreparedImage[];
}

/** All images that are built. */
export function allImages({ layer, runtime, functions }: PreparedImages): PreparedImage[] {
  return [...(layer ? [layer] : []), runtime, ...functions];
}

/** Something wrong with what an image is made of. All of a run are told at once. */
export interface ImageProblem {
  /** The image. */
  name: string;
  /** File, relative to the checkout. */
  file: string;
  /** Line in it, from 1. */
  line?: number;
  /** What was found, and what is allowed. */
  text: string;
  /** What to do. */
  next: string;
}
