import { physicalName, type Scope } from "../../../components/scope";
import type { Identity } from "../../settings";

/** Name of a pipeline in CodePipeline, as components/delivery gives it. */
export function pipelineName({ project, env, stack, region }: Identity, name: string): string {
  // Neither is part of a pipeline's name.
  const scope: Scope = { project, env, stack, region, account: "", partition: "aws", dnsSuffix: "amazonaws.com" };
  return physicalName("codepipeline", scope, name);
}
