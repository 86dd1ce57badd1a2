import type * as pulumi from "@pulumi/pulumi";
import { ContainerImage, type ContainerImageArgs } from "./ContainerImage";

/** The base image with the common layer: what functions are built from, so that both are fetched and packed only once. */
export class RuntimeImage extends ContainerImage {
  constructor(name: string, args: ContainerImageArgs, opts?: pulumi.ComponentResourceOptions) {
    super("images:RuntimeImage", name, args, {}, opts);
  }
}
