import type * as pulumi from "@pulumi/pulumi";
import { ContainerImage, type ContainerImageArgs } from "./ContainerImage";
import type { LayerImage } from "./LayerImage";
import type { RuntimeImage } from "./RuntimeImage";

/** Arguments of {@link FunctionImage}. */
export interface FunctionImageArgs extends ContainerImageArgs {
  /** The layer that a Dockerfile may copy: `LAYER_IMAGE`. */
  layer: LayerImage;
  /** The base with the layer that a Dockerfile may begin with: `RUNTIME_IMAGE`. */
  runtime: RuntimeImage;
}

/** The image of one function: base, layer, its own code. */
export class FunctionImage extends ContainerImage {
  constructor(name: string, args: FunctionImageArgs, opts?: pulumi.ComponentResourceOptions) {
    super("images:FunctionImage", name, args, { LAYER_IMAGE: args.layer, RUNTIME_IMAGE: args.runtime }, opts);
  }
}
