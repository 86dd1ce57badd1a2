import * as dockerbuild from "@pulumi/docker-build";
import * as pulumi from "@pulumi/pulumi";
import type { OwnImage, PreparedImage, Revision } from "../../automation/images";
import { Component, type Transform, transformed } from "../Component";
import type { BuildSlots } from "./BuildSlots";
import type { ImageRepository } from "./ImageRepository";
import { tagsOf } from "./tags";

/** How images are built, the same for all of a stack. */
export interface BuildArgs {
  /** Where they are pushed to. */
  repository: ImageRepository;
  /** Commit and run; recorded with an image when its content changes. */
  revision: Revision;
  /** Name of the BuildKit builder. @default the current builder of this machine */
  builder?: string;
  /** Limits how many are built at a time. @default no limit but the engine's own */
  slots?: BuildSlots;
  /** Keeps what commands of a Dockerfile did in the registry, for builders that have never built it. @default true */
  cache?: boolean;
}

/** Arguments of an image. */
export interface ContainerImageArgs extends BuildArgs {
  /** The checked and staged content. */
  image: PreparedImage;
  /** Changes to the children. */
  transform?: { image?: Transform<dockerbuild.ImageArgs> };
}

/** Our own images that others may be built from. */
export type OwnImages = Partial<Readonly<Record<OwnImage, ContainerImage>>>;

/** The parts of an image. */
export interface ContainerImageNodes {
  /** Keeps commit, run, content digest and tags of the last change of content. */
  revision: pulumi.Stash;
  image: dockerbuild.Image;
}

/** What is kept of an image's last change of content. */
export interface RecordedImage extends Revision {
  contentDigest: string;
  tags: string[];
}

/** What a stack tells about an image. */
export interface ImageOutputs {
  /** `sha256:…` of the manifest. */
  digest: string;
  /** `<repository>@sha256:…`: what functions run. */
  uri: string;
  /** Digest of everything that the image is made of. */
  contentDigest: string;
  tags: string[];
  /** Commit in which the content changed; none when it changed in a tree that was not committed. */
  commit?: string;
  /** Run in which the content changed. */
  buildId: string;
}

/** One image: built when its content changed, pushed with immutable tags, and known by its digest. */
export abstract class ContainerImage extends Component<ContainerImageNodes> {
  readonly nodes: ContainerImageNodes;
  /** `sha256:…` of the manifest. */
  readonly digest: pulumi.Output<string>;
  /** `<repository>@sha256:…`: what functions run. */
  readonly uri: pulumi.Output<string>;
  /** `<registry that it is pushed to>/<repository>@sha256:…`: what other images are built from. */
  readonly pushedUri: pulumi.Output<string>;
  /** What a stack tells about it. */
  readonly outputs: pulumi.Output<ImageOutputs>;

  protected constructor(
    type: string,
    name: string,
    args: ContainerImageArgs,
    own: OwnImages,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super(type, name, opts);
    const { repository } = args;
    const revision = this.recorded(name, args);
    const recorded = revision.output as pulumi.Output<RecordedImage>;
    const tags = recorded.tags;
    const built = new dockerbuild.Image(
      `${name}-image`,
      transformed(args.transform?.image, imageArgs(args, tags, own)),
      // Environments may still run what this stack no longer builds: ECR's lifecycle ends images, nothing else.
      this.child({ retainOnDelete: true, dependsOn: repository.ready }),
    );
    built.urn.apply(() => args.slots?.release());
    this.digest = built.digest;
    this.uri = pulumi.interpolate`${repository.url}@${this.digest}`;
    this.pushedUri = pulumi.interpolate`${repository.pushUrl}@${this.digest}`;
    this.outputs = pulumi
      .all([this.digest, this.uri, recorded])
      .apply(([digest, uri, { contentDigest, tags: given, commit, buildId }]) => ({
        digest,
        uri,
        contentDigest,
        tags: given,
        ...(commit !== undefined && { commit }),
        buildId,
      }));
    this.nodes = { revision, image: built };
    this.registerOutputs({ digest: this.digest, uri: this.uri });
  }

  /**
   * Its input is taken when the content changes, and at no other time: a new commit alone changes nothing. Digest and tags are
   * in it because a run may leave images out: those are then told as they are, not as the checkout would make them.
   */
  private recorded(name: string, { image, revision }: ContainerImageArgs): pulumi.Stash {
    const { contentDigest } = image;
    const input: RecordedImage = { ...revision, contentDigest, tags: tagsOf(image, revision) };
    return new pulumi.Stash(
      `${name}-revision`,
      { input },
      this.child({ replacementTrigger: image.contentDigest, ignoreChanges: ["input"] }),
    );
  }
}

/**
 * A single image manifest without attestations, as Lambda demands, that depends on nothing but its content.
 */
const EXPORT = "type=image,push=true,oci-mediatypes=true";

function imageArgs(
  { image, repository, builder, slots, cache = true }: ContainerImageArgs,
  tags: pulumi.Output<string[]>,
  own: OwnImages,
): dockerbuild.ImageArgs {
  const turn = slots?.take() ?? Promise.resolve();
  return {
    // The provider builds when it has all its arguments: this one comes when it is this image's turn.
    context: { location: turn.then(() => image.context) },
    dockerfile: { location: image.dockerfile },
    buildArgs: { ...image.buildArgs, ...Object.fromEntries(image.uses.map((name) => [name, own[name]!.pushedUri])) },
    labels: { ...image.labels },
    platforms: [image.platform as dockerbuild.Platform],
    ...(builder !== undefined && { builder: { name: builder } }),
    tags: pulumi.all([repository.pushUrl, tags]).apply(([url, all]) => all.map((tag) => `${url}:${tag}`)),
    exports: [{ raw: image.rewriteTimes ? `${EXPORT},rewrite-timestamp=true` : EXPORT }],
    // `true` would add an export of the provider's own.
    push: false,
    // A preview says what would be built; it builds nothing.
    buildOnPreview: false,
    // Where nothing is run there is nothing to save: what is copied is pushed anyway.
    ...(cache && !image.reproducible && cacheArgs(image, repository)),
  };
}

function cacheArgs({ name }: PreparedImage, { cacheUrl }: ImageRepository): Partial<dockerbuild.ImageArgs> {
  const ref = pulumi.interpolate`type=registry,ref=${cacheUrl}:${name}`;
  return {
    cacheFrom: [{ raw: ref }],
    // An image that was built is not given up because its cache could not be kept.
    cacheTo: [{ raw: pulumi.interpolate`${ref},mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true` }],
  };
}
