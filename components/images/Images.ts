import type * as pulumi from "@pulumi/pulumi";
import type { Revision } from "../../automation/images";
import { allImages, type PreparedImages } from "../../automation/images/types";
import type { ImageBuildSettings } from "../../automation/settings";
import { Component } from "../Component";
import type { Scope } from "../scope";
import { withDefaultTags } from "../tags";
import { FunctionImages, type FunctionImagesArgs } from "./FunctionImages";
import { ImageRepository, type ImageRepositoryArgs } from "./ImageRepository";

/** Arguments of {@link Images}. */
export interface ImagesArgs {
  scope: Scope;
  /** The setting `imageBuild`. */
  settings: ImageBuildSettings;
  /** Layer, runtime and functions, checked and staged. */
  images: PreparedImages;
  /** Commit and run. */
  revision: Revision;
  /** Tags of every resource. @default project, env and stack */
  tags?: Readonly<Record<string, string>>;
  /** Changes to the children. */
  transform?: { repository?: ImageRepositoryArgs["transform"]; images?: FunctionImagesArgs["transform"] };
}

/** The parts of {@link Images}. */
export interface ImagesNodes {
  repository: ImageRepository;
  images: FunctionImages;
}

/** All images of a checkout and the repository that they are kept in. */
export class Images extends Component<ImagesNodes> {
  readonly nodes: ImagesNodes;
  private readonly scope: Scope;

  constructor(name: string, args: ImagesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("images:Images", name, withDefaultTags(args.scope, args.tags ?? {}, opts));
    const { scope, settings, images, revision, transform = {} } = args;
    const { builder, cache, parallelism, registry } = settings;
    this.scope = scope;
    const names = allImages(images).map((image) => image.name);
    const repository = new ImageRepository(
      name,
      { ...settings.repository, scope, registry, images: names, transform: transform.repository },
      this.child(),
    );
    const built = new FunctionImages(
      name,
      { images, repository, revision, builder, cache, parallelism, transform: transform.images },
      this.child(),
    );
    this.nodes = { repository, images: built };
    this.registerOutputs({});
  }

  /** `<repository>@sha256:…` for each function. */
  get uris(): Record<string, pulumi.Output<string>> {
    const { functions } = this.nodes.images.nodes;
    return Object.fromEntries(Object.entries(functions).map(([name, image]) => [name, image.uri]));
  }

  /** What the stack `images` tells; docs/images.md lists it. */
  get outputs() {
    const { repository, images } = this.nodes;
    const { region, account } = this.scope;
    return { images: images.outputs, repository: repository.url, region, account };
  }
}
