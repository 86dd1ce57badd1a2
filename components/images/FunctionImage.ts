import type * as pulumi from "@pulumi/pulumi";
import { ContainerImage, type ContainerImageArgs } from "./ContainerImage";
import type { LayerImage } from "./LayerImage";
import type { RuntimeImage } from "./RuntimeImage";

/** Arguments of {@link FunctionImage}. */
export interface FunctionImageArgs extends ContainerImageArgs {
  /** The layer that a Dockerfile may copy: `LAYER_IMAGE`. Undefined where that is an image that is there already. */
  layer: LayerImage | undefined;
  /** The base with the layer that a Dockerfile may begin with: `RUNTIME_IMAGE`. */
  runtime: RuntimeImage;
}

/** The image of one function: base, layer, its own code. */
export class FunctionImage extends ContainerImage {
  constructor(name: string, args: FunctionImageArgs, opts?: pulumi.ComponentResourceOptions) {
    const own = { ...(args.layer ? { LAYER_IMAGE: args.layer } : {}), RUNTIME_IMAGE: args.runtime };
    super("images:FunctionImage", name, args, own, opts);
  }
}
