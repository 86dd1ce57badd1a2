import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import { Component, type Transform, transformed } from "../Component";
import { physicalName, type Scope } from "../scope";
import type { CodeStore } from "./CodeStore";

/** Processors that the functions can run on. */
export type Architecture = "x86_64" | "arm64";

/** Node.js of functions that are packed as archives. */
export const RUNTIME = "nodejs22.x";

/** Arguments of {@link CommonLayer}. */
export interface CommonLayerArgs {
  scope: Scope;
  /** Folder that becomes the layer's content; holds `nodejs/node_modules/…`. */
  directory: string;
  /** Where the package is put for Lambda. */
  store: CodeStore;
  /** Processor that its native parts were built for. @default "x86_64" */
  architecture?: Architecture;
  /** Changes to the children. */
  transform?: { version?: Transform<aws.lambda.LayerVersionArgs> };
}

/** The library that every function imports, as a Lambda layer; for functions that are packed as archives. */
export class CommonLayer extends Component<{ version: aws.lambda.LayerVersion }> {
  readonly nodes: { version: aws.lambda.LayerVersion };
  /** The layer version's ARN. */
  readonly arn: pulumi.Output<string>;

  constructor(name: string, args: CommonLayerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("compute:CommonLayer", name, opts);
    const version = new aws.lambda.LayerVersion(
      `${name}-version`,
      transformed(args.transform?.version, {
        layerName: physicalName("lambdaLayer", args.scope, "common"),
        ...args.store.upload(`${name}-code`, { key: "layers/common.zip", directory: args.directory }, this),
        compatibleRuntimes: [RUNTIME],
        compatibleArchitectures: [args.architecture ?? "x86_64"],
      }),
      this.child(),
    );
    this.arn = version.arn;
    this.nodes = { version };
    this.registerOutputs({ arn: this.arn });
  }
}
