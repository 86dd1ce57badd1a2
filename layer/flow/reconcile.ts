import { InvokeCommand } from "@aws-sdk/client-lambda";
import { client } from "../clients";
import { env } from "../config";
import { errorRecord } from "../errors";
import { log } from "../log";
import { compareSlice } from "../reconcile/slice";
import type { ReconcileRequest, ReconcileSlice, ScheduledReconcile } from "../reconcile/request";
import { left, nothing, together, type Findings } from "../reconcile/types";
import { recordEvent } from "../store/events";
import { addMetrics, today } from "../store/metrics";

/** What one call answers: its findings, and where the next one goes on. */
export type Reconciled = Findings & { next?: ReconcileSlice["cursor"] };

/** How long a scheduled call works before it hands the rest to another one (s); below the function's timeout. */
export const SCHEDULED_SECONDS = 780;

/** How long it works on one dataset before it looks at the time (s). */
export const SLICE_SECONDS = 60;

/**
 * How many calls a scheduled comparison may take one after the other: three hours. Lambda ends chains of calls at some sixteen.
 * What is left then is compared at the next time.
 */
const MOST_CALLS = 12;

/** Compares one slice of a dataset for the driver, or, on a schedule, all datasets of a list. */
export async function reconcile(request: ReconcileRequest): Promise<Reconciled | Scheduled> {
  return "datasets" in request ? onSchedule(request) : compareSlice(request);
}

/** What a scheduled call answers: for its log. */
export interface Scheduled {
  /** `team/dataset` -> differences that it found, or the error that it ended with. */
  compared: Record<string, number | string>;
  /** Datasets that the next call goes on with. */
  left: number;
}

async function onSchedule(request: ScheduledReconcile): Promise<Scheduled> {
  const until = Date.now() + SCHEDULED_SECONDS * 1_000;
  const compared: Scheduled["compared"] = {};
  let { datasets, findings, cursor } = request;
  while (datasets.length > 0 && Date.now() < until) {
    const [team, dataset] = (datasets[0] as string).split("/") as [string, string];
    try {
      const slice = await compareSlice({
        ...{ team, dataset, mend: false, limit: 0, seconds: SLICE_SECONDS, cursor },
        rowsSince: Date.now() - request.rowsWithin * 1_000,
      });
      findings = together(findings ?? nothing(), slice, 0);
      cursor = slice.next;
      if (cursor !== undefined) continue;
      compared[`${team}/${dataset}`] = left(findings);
      await tell(team, dataset, findings);
    } catch (error) {
      // One dataset that cannot be compared does not keep the others from it.
      log.error("could not compare", { dataset: `${team}/${dataset}`, error: error as Error });
      compared[`${team}/${dataset}`] = errorRecord(error).code;
    }
    [datasets, findings, cursor] = [datasets.slice(1), undefined, undefined];
  }
  if (datasets.length > 0) await goOn({ ...request, datasets, findings, cursor, call: request.call + 1 });
  log.info("compared", { compared, left: datasets.length });
  return { compared, left: datasets.length };
}

async function tell(team: string, dataset: string, findings: Findings): Promise<void> {
  const { checked, differences, notes } = findings;
  await recordEvent({
    team,
    dataset,
    kind: "reconciled",
    detail: { checked, differences, notes, left: left(findings) },
  });
  await addMetrics(team, dataset, today(), { reconciled: 1, differences: left(findings) });
}

async function goOn(request: ScheduledReconcile): Promise<void> {
  if (request.call > MOST_CALLS) {
    log.warn("the rest is compared at the next time", { datasets: request.datasets.length });
    return;
  }
  const Payload = JSON.stringify(request);
  await (
    await client("lambda")
  ).send(new InvokeCommand({ FunctionName: env("RECONCILE_ARN"), InvocationType: "Event", Payload }));
}
