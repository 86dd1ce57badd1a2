/** A registry that the builder cannot reach with its defaults: the local AWS's, or a test's. */
export interface OwnRegistry {
  /** `host:port`, as it stands in image names. */
  address: string;
  /** PEM file of the authority to trust for it, beside the system's. */
  caFile?: string;
  /** Speak plain HTTP; only for loopback. @default false */
  http?: boolean;
}

/** Who builds images. */
export interface Builder {
  /** The name under which `buildx` and the docker-build provider know it, in the folder that `environment` prepared. */
  name: string;
  /** A builder that the settings name, a container of ours in a Docker engine, or a `buildkitd` process of this checkout. */
  source: "named" | "docker" | "buildkitd";
  /** Path of the buildx program: call it directly, there may be no `docker`. */
  buildx: string;
  /** For people: what it is and where. */
  description: string;
  /**
   * Makes the builder known in a folder that is to be a run's DOCKER_CONFIG (made, mode 0700, where it is not there).
   *
   * @returns variables to lay over the inherited environment of buildx and of the engine: DOCKER_CONFIG, BUILDX_CONFIG,
   *   BUILDX_BUILDER, and, empty, those of the person's own that would lead elsewhere
   */
  environment(dockerConfig: string): Promise<Record<string, string>>;
}

/** What a caller wants of its builder. */
export interface BuilderOptions {
  /** Name of an existing builder to use, as `docker buildx ls` shows it. @default undefined: one of ours */
  builder?: string;
  /** Registries with an authority of their own. @default none */
  registries?: OwnRegistry[];
  /** The only kinds to consider. @default all: named, docker, buildkitd */
  sources?: Builder["source"][];
  /** Root of the tool cache. @default cacheRoot() */
  cache?: string;
  /** Stops a build of the toolchain. */
  signal?: AbortSignal;
}

/** The name of our builders, the same wherever they run: it is an input of each image, and must not differ by machine. */
export const builderName = "tributary";
