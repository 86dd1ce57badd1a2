import type * as pulumi from "@pulumi/pulumi";
import { ContainerImage, type ContainerImageArgs } from "./ContainerImage";

/** The common layer as an image: its content below /opt, nothing else. Other images copy it from here by its digest. */
export class LayerImage extends ContainerImage {
  constructor(name: string, args: ContainerImageArgs, opts?: pulumi.ComponentResourceOptions) {
    super("images:LayerImage", name, args, {}, opts);
  }
}
