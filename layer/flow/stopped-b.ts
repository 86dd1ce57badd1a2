import type { SQSRecord } from "aws-lambda";
import { z } from "zod";
import { describeBatch } from "../batches";
import { env } from "../config";
import { Rejection, shortened, type ErrorRecord } from "../errors";
import { executionArn } from "../executions";
import type { Failures } from "../handlers";
import { log } from "../log";
import { stageBStateSchema, type StageBState } from "../messages";
import { recordStoppedB } from "./error-b";

/** EventBridge's event about an execution that ended without reaching its end: all others have recorded their outcomes. */
const stoppedEventSchema = z.object({
  source: z.literal("aws.states"),
  "detail-type": z.literal("Step Functions Execution Status Change"),
  detail: z.object({
    executionArn: z.string(),
    stateMachineArn: z.string(),
    name: z.string().min(1).max(80),
    status: z.enum(["ABORTED", "TIMED_OUT", "FAILED"]),
    /** Missing where the event would be too large with it. */
    input: z.string().nullish(),
    error: z.string().nullish(),
    cause: z.string().nullish(),
  }),
});

type Stopped = z.output<typeof stoppedEventSchema>["detail"];

/**
 * Executions of Stage B that were stopped by hand, ran out of time, or failed: the objects that have no outcome fail, each
 * with its history and its message in the DLQ. An event that comes again, or late, changes nothing.
 */
export async function recordStopped(records: SQSRecord[]): Promise<Failures> {
  const failures: Failures = new Map();
  for (const { messageId, body } of records) {
    try {
      const stopped = parseStopped(body);
      const { failed } = await recordStoppedB(await batchOf(stopped), errorOf(stopped));
      log.info("recorded a stopped batch", { batchId: stopped.name, failed: failed.length });
    } catch (error) {
      log.error("could not record a stopped batch", error as Error);
      failures.set(messageId, error);
    }
  }
  return failures;
}

/** @throws Rejection `EventInvalid` for what is no event about an execution of this lake's Stage B */
function parseStopped(body: string): Stopped {
  const parsed = stoppedEventSchema.safeParse(jsonOf(body));
  if (!parsed.success) throw invalid("is none about an execution that ended early");
  const { detail } = parsed.data;
  if (detail.stateMachineArn !== env("STAGE_B_STATE_MACHINE_ARN")) throw invalid("is about another state machine");
  if (detail.executionArn !== executionArn(detail.name)) throw invalid("names another execution than its ARN");
  return detail;
}

/** What the execution was started with. Its states' answers are lost with it. */
async function batchOf({ name, input }: Stopped): Promise<StageBState> {
  const text = input ?? (await describeBatch(name))?.input;
  const parsed = stageBStateSchema.safeParse(jsonOf(text));
  if (!parsed.success || parsed.data.batchId !== name) throw invalid(`has no batch ${name} as its input`);
  const { team, dataset, items } = parsed.data;
  if (items.some((item) => item.team !== team || item.dataset !== dataset))
    throw invalid("has objects of several datasets");
  return parsed.data;
}

function errorOf({ status, error, cause }: Stopped): ErrorRecord {
  const why = [error, cause].filter(Boolean).join(": ");
  return shortened("BatchStopped", `the execution of its batch ended as ${status}${why && `: ${why}`}`);
}

function invalid(what: string): Rejection {
  return new Rejection("EventInvalid", `the event ${what}; it stays in the queue's DLQ, for somebody to look at`);
}

function jsonOf(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return undefined;
  }
}
