import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import {
  DescribeExecutionCommand,
  DescribeMapRunCommand,
  ListMapRunsCommand,
  StartExecutionCommand,
  StopExecutionCommand,
  type DescribeExecutionOutput,
} from "@aws-sdk/client-sfn";
import type { BackfillInput, BackfillSummary } from "../../layer/backfill-messages";
import { TributaryError, userError } from "../errors";
import type { Progress } from "../events";
import { isRecord } from "../json";
import type { Lake } from "./connect";
import { momentOf } from "./moment";
import { findDataset } from "./outputs";

/** What a backfill is asked for on the command line. */
export interface BackfillRequest {
  /** `team/dataset` */
  dataset: string;
  /** Only keys that begin with it, below `<team>/<dataset>/`, or written with them. @default all */
  prefix?: string;
  /** Only objects that were modified since then, as `momentOf` reads it. @default all */
  since?: string;
  /** Processes versions once more that have their outcome. @default false */
  again?: boolean;
  /** Only counts. @default false */
  dryRun?: boolean;
}

/** What a backfill found and did. */
export type { BackfillSummary };

/** Milliseconds between two looks at a run; grows from the first to the second. */
const pauses = { first: 200, longest: 5_000 };

/**
 * Sends what lies in the raw bucket and has no outcome on its way, as if its events had come, and waits until all is sent. It may be
 * run again, or while objects arrive: a version is processed once. An abort ends the run; what was sent goes on.
 *
 * @throws TributaryError `UnknownDataset`, `InvalidMoment`, `PrefixInvalid`, `BackfillFailed`
 */
export async function backfill(
  lake: Lake,
  request: BackfillRequest,
  progress: Progress,
  signal: AbortSignal,
): Promise<BackfillSummary> {
  const input = inputOf(lake, request);
  const stateMachineArn = lake.outputs.backfillStateMachineArn;
  const { executionArn = "" } = await lake.stepFunctions.send(
    new StartExecutionCommand({ stateMachineArn, name: `command-${randomUUID()}`, input: JSON.stringify(input) }),
  );
  try {
    return await ended(lake, executionArn, progress, signal);
  } catch (error) {
    if (signal.aborted) {
      const cause = "interrupted by the person who started it";
      await lake.stepFunctions.send(new StopExecutionCommand({ executionArn, cause })).catch(() => undefined);
    }
    throw error;
  }
}

/**
 * The input of a run.
 *
 * @throws TributaryError `UnknownDataset`, `InvalidMoment`, `PrefixInvalid`
 */
export function inputOf(lake: Pick<Lake, "outputs">, request: BackfillRequest): BackfillInput {
  const { team, dataset } = findDataset(lake.outputs, request.dataset);
  const since = request.since === undefined ? undefined : new Date(momentOf(request.since, "--since")).toISOString();
  const prefix = prefixOf(request.prefix ?? "", `${team}/${dataset}/`);
  const { again = false, dryRun = false } = request;
  return { team, dataset, prefix, again, dryRun, origin: "command", ...(since && { since }) };
}

/** A prefix may be written with the dataset's own, as keys are shown everywhere. */
function prefixOf(text: string, folder: string): string {
  const prefix = text.startsWith(folder) ? text.slice(folder.length) : text;
  if (Buffer.byteLength(prefix) <= 1000) return prefix;
  throw userError("PrefixInvalid", `the prefix has ${Buffer.byteLength(prefix)} bytes; keys have at most 1,024`);
}

async function ended(lake: Lake, executionArn: string, progress: Progress, signal: AbortSignal) {
  for (let pause = pauses.first; ; pause = Math.min(pauses.longest, pause * 1.5)) {
    const execution = await lake.stepFunctions.send(new DescribeExecutionCommand({ executionArn }));
    if (execution.status !== "RUNNING") return summaryOf(lake, execution);
    await tell(lake, executionArn, progress);
    await sleep(pause, undefined, { signal });
  }
}

/** How far the Map is; that nobody can say so is no reason to fail. */
async function tell(lake: Lake, executionArn: string, progress: Progress): Promise<void> {
  try {
    const { mapRuns = [] } = await lake.stepFunctions.send(new ListMapRunsCommand({ executionArn }));
    const mapRunArn = mapRuns[0]?.mapRunArn;
    if (mapRunArn === undefined) return progress("list the objects");
    const { itemCounts } = await lake.stepFunctions.send(new DescribeMapRunCommand({ mapRunArn }));
    const { total = 0, succeeded = 0, failed = 0 } = itemCounts ?? {};
    progress(`${succeeded} of ${total} objects${failed > 0 ? `, ${failed} failed` : ""}`, { done: succeeded, total });
  } catch {
    progress("under way");
  }
}

function summaryOf(lake: Lake, execution: DescribeExecutionOutput): BackfillSummary {
  const { status, output, error, cause, name } = execution;
  const summary: unknown = status === "SUCCEEDED" ? JSON.parse(output ?? "null") : undefined;
  if (isRecord(summary)) return summary as unknown as BackfillSummary;
  const reason = [error, cause].filter(Boolean).join(": ") || "no reason was given";
  throw new TributaryError(`the backfill ${name} ended as ${status}: ${reason.slice(0, 600)}`, {
    code: "BackfillFailed",
    source: "cloud",
    next: `run it again: what was sent is left alone (tributary backfill ${lake.env} …); the log of the function backfill says more`,
  });
}
