import { createRequire } from "node:module";
import type * as codepipeline from "@aws-sdk/client-codepipeline";

const load = createRequire(__filename);

/** An action of an execution, as far as it is told. */
export interface AwsAction {
  stage: string;
  action: string;
  /** `InProgress`, `Succeeded`, `Failed`, `Abandoned`. */
  status: string;
  /** Why, or what an approval is about. */
  summary?: string;
  /** Of its build, or of its approval. */
  link?: string;
  seconds?: number;
}

/** What is asked of CodePipeline; given, so that tests need no AWS. */
export interface PipelineClient {
  /** Starts an execution; its id. */
  start(request: StartRequest): Promise<string>;
  /** How an execution stands: `InProgress`, `Succeeded`, `Failed`, `Stopped`, `Stopping`, `Superseded`, `Cancelled`. */
  status(pipeline: string, execution: string): Promise<{ status: string; summary?: string }>;
  /** Its actions so far, the oldest first. */
  actions(pipeline: string, execution: string): Promise<AwsAction[]>;
  close(): void;
}

/** An execution to start. */
export interface StartRequest {
  pipeline: string;
  variables: Record<string, string>;
  /** Commit of the source action of this name; without it the branch's newest. */
  revision?: { action: string; commit: string };
}

/** CodePipeline itself. */
export function connectPipelines(settings: codepipeline.CodePipelineClientConfig): PipelineClient {
  const sdk = load("@aws-sdk/client-codepipeline") as typeof codepipeline;
  const client = new sdk.CodePipelineClient({ maxAttempts: 5, ...settings });
  return {
    start: async ({ pipeline, variables, revision }) => {
      const given = Object.entries(variables).map(([name, value]) => ({ name, value }));
      const commit = revision && {
        sourceRevisions: [
          { actionName: revision.action, revisionType: "COMMIT_ID" as const, revisionValue: revision.commit },
        ],
      };
      const request = { name: pipeline, ...(given.length > 0 ? { variables: given } : {}), ...commit };
      return (await client.send(new sdk.StartPipelineExecutionCommand(request))).pipelineExecutionId ?? "";
    },
    status: async (pipelineName, pipelineExecutionId) => {
      const command = new sdk.GetPipelineExecutionCommand({ pipelineName, pipelineExecutionId });
      const { status = "InProgress", statusSummary } = (await client.send(command)).pipelineExecution ?? {};
      return { status, ...(statusSummary === undefined ? {} : { summary: statusSummary }) };
    },
    actions: async (pipelineName, pipelineExecutionId) => {
      const found: codepipeline.ActionExecutionDetail[] = [];
      let nextToken: string | undefined;
      do {
        const filter = { pipelineExecutionId };
        const page = await client.send(new sdk.ListActionExecutionsCommand({ pipelineName, filter, nextToken }));
        found.push(...(page.actionExecutionDetails ?? []));
        nextToken = page.nextToken;
      } while (nextToken !== undefined);
      return found.reverse().map(actionOf);
    },
    close: () => client.destroy(),
  };
}

function actionOf(detail: codepipeline.ActionExecutionDetail): AwsAction {
  const result = detail.output?.executionResult;
  const { startTime, lastUpdateTime } = detail;
  const summary = result?.errorDetails?.message ?? result?.externalExecutionSummary;
  const link = result?.externalExecutionUrl ?? result?.logStreamARN;
  return {
    stage: detail.stageName ?? "",
    action: detail.actionName ?? "",
    status: detail.status ?? "InProgress",
    ...(summary === undefined ? {} : { summary }),
    ...(link === undefined ? {} : { link }),
    ...(startTime && lastUpdateTime ? { seconds: (lastUpdateTime.getTime() - startTime.getTime()) / 1000 } : {}),
  };
}
