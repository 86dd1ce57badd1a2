import { createRequire } from "node:module";
import type * as codepipeline from "@aws-sdk/client-codepipeline";
import type { RestartClient } from "./index";

const load = createRequire(__filename);

/** Variable of a pipeline that tells an execution that it was started in place of another one. */
export const RESTARTED_FROM = "RESTARTED_FROM";

/** CodePipeline itself. */
export function restartClient(settings: codepipeline.CodePipelineClientConfig): RestartClient & { close(): void } {
  const sdk = load("@aws-sdk/client-codepipeline") as typeof codepipeline;
  const client = new sdk.CodePipelineClient({ maxAttempts: 5, ...settings });
  return {
    start: async ({ pipeline: pipelineName, execution, commit }) => {
      const asked = new sdk.GetPipelineExecutionCommand({ pipelineName, pipelineExecutionId: execution });
      const { variables = [] } = (await client.send(asked)).pipelineExecution ?? {};
      const kept = variables.flatMap(({ name, resolvedValue }) =>
        name === undefined || resolvedValue === undefined || name === RESTARTED_FROM
          ? []
          : [{ name, value: resolvedValue }],
      );
      const request = {
        name: pipelineName,
        variables: [...kept, { name: RESTARTED_FROM, value: execution }],
        sourceRevisions: [{ actionName: "Repository", revisionType: "COMMIT_ID" as const, revisionValue: commit }],
        // A build that is tried again starts nothing a second time.
        clientRequestToken: execution,
      };
      return (await client.send(new sdk.StartPipelineExecutionCommand(request))).pipelineExecutionId ?? "";
    },
    stop: async ({ pipeline: pipelineName, execution: pipelineExecutionId }, reason) => {
      await client.send(
        new sdk.StopPipelineExecutionCommand({ pipelineName, pipelineExecutionId, abandon: false, reason }),
      );
    },
    close: () => client.destroy(),
  };
}
