import type * as pulumi from "@pulumi/pulumi";
import { ContainerImage, type ContainerImageArgs } from "./ContainerImage";

/** The common layer as an image: its content below /opt, nothing else. A Dockerfile of a function may copy it from here: `LAYER_IMAGE`. */
export class LayerImage extends ContainerImage {
  constructor(name: string, args: ContainerImageArgs, opts?: pulumi.ComponentResourceOptions) {
    super("images:LayerImage", name, args, {}, opts);
  }
}
