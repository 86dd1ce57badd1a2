import type * as pulumi from "@pulumi/pulumi";
import { userError } from "../../automation/errors";
import { Pipeline, type PipelineArgs } from "./Pipeline";

/**
 * The pipeline of a common layer: source -> build -> publish digest. The digest is an object in the artifact bucket; its new version
 * starts the pipeline of the application.
 */
export class LayerPipeline extends Pipeline {
  /** Key in the artifact bucket that the digest is published under. */
  readonly publishedKey: string;

  /** @throws user error `WrongPipelineKind` for a model that publishes nothing */
  constructor(name: string, args: PipelineArgs, opts?: pulumi.ComponentResourceOptions) {
    super("LayerPipeline", name, args, opts);
    const actions = args.model.stages.flatMap((stage) => stage.actions);
    const publish = actions.find((action) => action.kind === "publish");
    if (!publish) {
      const message = `${args.model.name} is no pipeline of a layer: none of its ${args.model.stages.length} stages publishes anything`;
      throw userError("WrongPipelineKind", message, "use ApplicationPipeline for it");
    }
    this.publishedKey = publish.key;
  }
}
