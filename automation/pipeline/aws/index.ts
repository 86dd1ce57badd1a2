import type { CommandContext, Outcome } from "../../commands/context";
import { table } from "../../cli/render/table";
import { duration, oneLine } from "../../cli/render/text";
import { userError } from "../../errors";
import { readDeliverySettings, pipelinesOf } from "../model";
import { findPipeline } from "../run/start";
import { connectPipelines, type PipelineClient } from "./client";
import { followExecution, type Followed } from "./follow";
import { pipelineName } from "./name";

export type { AwsAction, PipelineClient, StartRequest } from "./client";
export { followExecution, type Followed, type FollowOptions } from "./follow";

/** What a person gives to an execution. */
export interface AwsRunOptions {
  variables: Record<string, string>;
  /** Full id of a commit. */
  revision: string | undefined;
}

/**
 * Starts a pipeline on AWS and follows it to its end, or to an approval.
 *
 * @param connect how CodePipeline is reached; given, so that tests need no AWS
 * @throws user error `PipelineUnknown`, `PipelineRevisionInvalid`; AWS's own errors
 */
export async function runOnAws(
  { root, sink, signal }: CommandContext,
  name: string,
  { variables, revision }: AwsRunOptions,
  connect: (region: string) => PipelineClient = (region) => connectPipelines({ region }),
): Promise<Outcome> {
  const settings = readDeliverySettings(root);
  const model = findPipeline(pipelinesOf(settings), name);
  const source = model.sources.find(({ kind }) => kind === "repository")?.name;
  if (revision !== undefined && !/^[0-9a-f]{40}$/.test(revision)) {
    const message = `--revision ${revision.slice(0, 80)}: on AWS a pipeline is started for a commit, 40 hexadecimal digits`;
    throw userError("PipelineRevisionInvalid", message, "git rev-parse <ref> prints it");
  }
  const known = model.variables.map((variable) => variable.name);
  const unknown = Object.keys(variables).filter((each) => !known.includes(each));
  if (unknown.length > 0) {
    const message = `the pipeline ${name} has no variable ${unknown.join(", ")}; it has: ${known.join(", ") || "none"}`;
    throw userError("PipelineVariableUnknown", message, `tributary pipeline show ${name}`);
  }
  const client = connect(settings.region);
  try {
    const pipeline = pipelineName(settings, name);
    const commit = revision && source ? { revision: { action: source, commit: revision } } : {};
    const execution = await client.start({ pipeline, variables, ...commit });
    sink({
      type: "message",
      level: "info",
      text: `${pipeline} runs: ${consoleLink(settings.region, pipeline, execution)}`,
    });
    return describe(name, execution, await followExecution(client, pipeline, execution, { sink, signal }));
  } finally {
    client.close();
  }
}

/** Where a person sees an execution. */
function consoleLink(region: string, pipeline: string, execution: string): string {
  return `https://${region}.console.aws.amazon.com/codesuite/codepipeline/pipelines/${encodeURIComponent(pipeline)}/executions/${encodeURIComponent(execution)}`;
}

function describe(name: string, execution: string, followed: Followed): Outcome {
  const { status, summary, actions } = followed;
  const rows = actions.map((action) => ({
    stage: action.stage,
    action: action.action,
    status: action.status,
    time: action.seconds === undefined ? "" : duration(action.seconds),
    summary: oneLine(action.summary ?? ""),
  }));
  const text = `${table(["stage", "action", "status", "time", "summary"], rows)}\n${name}: ${status}${summary ? ` (${summary})` : ""}\n`;
  const document = { pipeline: name, execution, ...followed };
  if (status === "Succeeded") return { document: { ok: true, ...document }, text };
  const failed = actions.find((action) => action.status === "Failed");
  const waiting = status === "Waiting";
  const message = waiting
    ? `${name} waits for an approval`
    : `${name} ended as ${status}${failed ? ` at ${failed.stage}: ${failed.action}` : ""}`;
  const next = waiting
    ? "approve it in CodePipeline's console, or from its notification"
    : (failed?.link ?? "see CodePipeline's console");
  const error = { code: waiting ? "PipelineWaits" : "PipelineFailed", message, next };
  return { document: { ok: false, error, ...document }, text: `${text}next: ${next}\n`, exitCode: waiting ? 3 : 1 };
}
