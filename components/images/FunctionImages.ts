import * as pulumi from "@pulumi/pulumi";
import type { PreparedImages } from "../../automation/images";
import { Component } from "../Component";
import { BuildSlots } from "./BuildSlots";
import type { BuildArgs, ContainerImageArgs, ImageOutputs } from "./ContainerImage";
import { FunctionImage } from "./FunctionImage";
import { LayerImage } from "./LayerImage";
import { RuntimeImage } from "./RuntimeImage";

/** Arguments of {@link FunctionImages}. */
export interface FunctionImagesArgs extends Omit<BuildArgs, "slots"> {
  /** Layer, runtime and functions, checked and staged. */
  images: PreparedImages;
  /** Most images that are built at a time. @default see `defaultParallelism` */
  parallelism?: number;
  /** Changes to the children of each image. */
  transform?: Partial<Record<"layer" | "runtime" | "functions", ContainerImageArgs["transform"]>>;
}

/** The parts of {@link FunctionImages}. */
export interface FunctionImagesNodes {
  /** Undefined where a layer image is used that is there already. */
  layer: LayerImage | undefined;
  runtime: RuntimeImage;
  /** By the function's name. */
  functions: Record<string, FunctionImage>;
}

/** Layer and runtime side by side, then the images of all functions at the same time. */
export class FunctionImages extends Component<FunctionImagesNodes> {
  readonly nodes: FunctionImagesNodes;
  /** All images by their name, those that functions are built from as `layer` and `runtime`: the whole set, known when every image is built, or nothing. */
  readonly outputs: pulumi.Output<Record<string, ImageOutputs>>;

  constructor(name: string, args: FunctionImagesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("images:FunctionImages", name, opts);
    const { images, parallelism, transform = {}, ...build } = args;
    const layer =
      images.layer &&
      new LayerImage(
        `${name}-${images.layer.name}`,
        { ...build, image: images.layer, transform: transform.layer },
        this.child(),
      );
    const slots = new BuildSlots(parallelism);
    const runtime = new RuntimeImage(
      `${name}-${images.runtime.name}`,
      { ...build, image: images.runtime, transform: transform.runtime },
      this.child(),
    );
    const functions = images.functions.map((image): [string, FunctionImage] => [
      image.name,
      new FunctionImage(
        `${name}-${image.name}`,
        { ...build, slots, image, layer, runtime, transform: transform.functions },
        this.child(),
      ),
    ]);
    this.nodes = { layer, runtime, functions: Object.fromEntries(functions) };
    this.outputs = pulumi.all({
      ...(images.layer && layer ? { [images.layer.name]: layer.outputs } : {}),
      [images.runtime.name]: runtime.outputs,
      ...Object.fromEntries(functions.map(([function_, image]) => [function_, image.outputs])),
    });
    this.registerOutputs({});
  }
}
