import { InvokeCommand } from "@aws-sdk/client-lambda";
import { differenceKinds, left, nothing, together, type Findings } from "../../layer/reconcile/types";
import type { Cursor, ReconcileSlice } from "../../layer/reconcile/request";
import { TributaryError } from "../errors";
import type { Progress } from "../events";
import type { Lake } from "./connect";
import { reasonIn } from "./functionError";
import { findDataset } from "./outputs";

/** What is compared, and what is done about differences. */
export interface ReconcileOptions {
  /** Sends again what has no outcome, and deletes files that nothing names. @default false */
  mend?: boolean;
  /** How long something may stand still before it counts (s). @default an hour; while its batch runs in Stage B, 31 hours */
  minAge?: number;
  /** Whether the rows of Parquet files are counted: one request a file. @default true */
  rows?: boolean;
  /** Most differences that are listed. @default 1000 */
  limit?: number;
}

/** What a comparison found. */
export interface ReconcileResult extends Findings {
  /** No differences are left. */
  ok: boolean;
  /** Differences that nobody took care of. */
  left: number;
  /** `team/dataset` */
  dataset: string;
  /** False when it was interrupted: what follows was not compared. */
  complete: boolean;
}

/** How long one call of the function works (s): an interrupted command ends within it. */
const SECONDS = 30;

/** Most differences that one call lists: its answer may have 6 MB. */
const MOST_LISTED = 5_000;

/**
 * Compares a dataset's buckets, control tables and Parquet files, and mends what has no outcome. The lake's own function does it,
 * call by call, so that nobody needs more rights than to invoke it.
 *
 * @throws TributaryError `UnknownDataset`, `ReconcileFailed`
 */
export async function reconcile(
  lake: Lake,
  name: string,
  options: ReconcileOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<ReconcileResult> {
  const { team, dataset } = findDataset(lake.outputs, name);
  const { mend = false, minAge, rows = true, limit = 1_000 } = options;
  let findings = nothing();
  let cursor: Cursor | undefined;
  do {
    const request: ReconcileSlice = {
      ...{ team, dataset, mend, minAge, cursor, seconds: SECONDS },
      limit: Math.min(MOST_LISTED, Math.max(0, limit - findings.found.length)),
      rowsSince: rows ? 0 : null,
    };
    const { next, ...part } = await invoke(lake, request, signal);
    findings = together(findings, part, limit);
    cursor = next;
    const { versions, files } = findings.checked;
    progress(`${versions} object versions, ${files} files, ${countOf(findings)} differences`);
  } while (cursor !== undefined && !signal.aborted);
  const complete = cursor === undefined;
  const rest = left(findings);
  return { ok: complete && rest === 0, left: rest, dataset: name, complete, ...findings };
}

/** How many differences there are, those that were mended included. */
export function countOf({ differences }: Findings): number {
  return differenceKinds.reduce((sum, kind) => sum + differences[kind], 0);
}

async function invoke(
  lake: Lake,
  request: ReconcileSlice,
  abortSignal: AbortSignal,
): Promise<Findings & { next?: Cursor }> {
  const FunctionName = lake.outputs.functions.reconcile;
  if (FunctionName === undefined) throw failed("the stack outputs do not name it", lake);
  const answer = await lake.lambda.send(new InvokeCommand({ FunctionName, Payload: JSON.stringify(request) }), {
    abortSignal,
  });
  const text = Buffer.from(answer.Payload ?? []).toString("utf8");
  if (answer.FunctionError !== undefined) throw failed(reasonIn(text), lake);
  return JSON.parse(text) as Findings & { next?: Cursor };
}

function failed(reason: string, lake: Lake): TributaryError {
  return new TributaryError(`the function reconcile failed: ${reason}`, {
    code: "ReconcileFailed",
    source: "cloud",
    next: `nothing is lost by it: mend the cause, tributary deploy ${lake.env}, and run the command again`,
  });
}
