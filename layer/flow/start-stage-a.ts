import { StartSyncExecutionCommand } from "@aws-sdk/client-sfn";
import type { SQSRecord } from "aws-lambda";
import { client } from "../clients";
import { env, maxReceives } from "../config";
import { LayerError } from "../errors";
import type { Failures } from "../handlers";
import { log } from "../log";
import { stageAMessageSchema, stageAOutputSchema, type ObjectRef, type Outcome, type StageAInput } from "../messages";
import { hide } from "../queues";
import { requireDataset } from "../store/datasets";
import { itemName } from "../store/metadata";

interface Received {
  record: SQSRecord;
  refs: ObjectRef[];
}

/** Longest time that a message waits for its next try (s). */
const LONGEST_WAIT = 300;

/**
 * Stage A for the messages of one call: one execution for all of them. Messages of objects that are to be tried again stay
 * in their queue, hidden for a while that doubles with every try.
 */
export async function runStageA(records: SQSRecord[]): Promise<Failures> {
  const failures: Failures = new Map();
  const received = records.flatMap((record) => read(record, failures));
  if (received.length === 0) return failures;
  const outcomes = await execute(received);
  const staying = received.filter(({ refs }) => refs.some((ref) => stays(outcomes.get(itemName(ref)))));
  for (const { record, refs } of staying) {
    const ref = refs.find((one) => stays(outcomes.get(itemName(one)))) as ObjectRef;
    const outcome = outcomes.get(itemName(ref));
    const error = outcome?.error ?? { code: outcome?.status ?? "NoOutcome", message: `${ref.key} stays in its queue` };
    failures.set(record.messageId, new LayerError(error.code, error.message));
  }
  await wait(staying);
  return failures;
}

function read(record: SQSRecord, failures: Failures): Received[] {
  try {
    return [{ record, refs: stageAMessageSchema.parse(JSON.parse(record.body)).items }];
  } catch (error) {
    failures.set(record.messageId, error);
    return [];
  }
}

function stays(outcome: Outcome | undefined): boolean {
  return outcome === undefined || outcome.status === "RETRY" || outcome.status === "DEFERRED";
}

async function execute(received: Received[]): Promise<Map<string, Outcome>> {
  const startedAt = new Date().toISOString();
  const last = maxReceives() - 1;
  const all = received.flatMap(({ record, refs }) => refs.map((ref) => ({ record, ref })));
  const once = [...new Map(all.map((one) => [itemName(one.ref), one])).values()];
  const items = once.map(({ record, ref }) => ({
    ref,
    attempt: 0,
    lastAttempt: false,
    lastReceive: receives(record) >= last,
    messageId: record.messageId,
    sequenceNumber: record.attributes.SequenceNumber,
    startedAt,
  }));
  const input: StageAInput = { items };
  const request = { stateMachineArn: env("STAGE_A_STATE_MACHINE_ARN"), input: JSON.stringify(input) };
  const result = await (await client("stepFunctions")).send(new StartSyncExecutionCommand(request));
  if (result.status !== "SUCCEEDED") {
    log.error("Stage A broke off", {
      status: result.status,
      error: result.error,
      cause: result.cause?.slice(0, 1_000),
    });
    return new Map();
  }
  const { outcomes } = stageAOutputSchema.parse(JSON.parse(result.output ?? "{}"));
  return new Map(outcomes.map((outcome) => [itemName(outcome), outcome]));
}

function receives(record: SQSRecord): number {
  return Number(record.attributes.ApproximateReceiveCount);
}

/** A whole lane waits equally long, so that its first message is there again before, or together with, the others. */
async function wait(staying: Received[]): Promise<void> {
  const first = staying[0];
  if (first === undefined) return;
  const seconds = new Map<string, number>();
  const lane = (record: SQSRecord) => record.attributes.MessageGroupId ?? "";
  for (const { record } of staying) {
    if (!seconds.has(lane(record))) seconds.set(lane(record), Math.min(LONGEST_WAIT, 2 ** receives(record)));
  }
  const messages = staying.map(({ record }) => ({
    receiptHandle: record.receiptHandle,
    seconds: seconds.get(lane(record)) as number,
  }));
  try {
    const { team, dataset } = first.refs[0] as ObjectRef;
    const { stageAQueueUrl } = await requireDataset(team, dataset);
    await hide(stageAQueueUrl, messages);
  } catch (error) {
    // They come again all the same, only later: after the queue's own visibility timeout.
    log.warn("could not set when messages come again", error as Error);
  }
}
