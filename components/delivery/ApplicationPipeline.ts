import type * as pulumi from "@pulumi/pulumi";
import { Pipeline, type PipelineArgs } from "./Pipeline";

/**
 * The pipeline of an application: layer digest and repository -> update itself -> test, lint and build images side by side -> for each
 * wave of environments: plan -> gate -> deploy -> verify. Pipelines of tags, of branches and of pull requests are of this kind, too, with other stages.
 */
export class ApplicationPipeline extends Pipeline {
  constructor(name: string, args: PipelineArgs, opts?: pulumi.ComponentResourceOptions) {
    super("ApplicationPipeline", name, args, opts);
  }
}
