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

/** A message waits so many seconds for its second try, and so many times as long for each further one: 4 s, then 16 s. */
const BACK_OFF = 4;

/** Longest time that a message waits for its next try (s). */
const LONGEST_WAIT = 300;

/**
 * Stage A for the messages of one call: one execution for all of them. Messages of objects that are to be tried again stay
 * in their queue, hidden for a while that grows with every try.
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
  await wait(staying, outcomes);
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

/**
 * A whole lane waits equally long, so that its first message is there again before, or together with, the others: until the
 * next attempt at what is to be tried again. What only stood behind an object that is given up now comes again at once.
 */
async function wait(staying: Received[], outcomes: Map<string, Outcome>): Promise<void> {
  if (staying.length === 0) return;
  const seconds = new Map<string, number>();
  const lane = (record: SQSRecord) => record.attributes.MessageGroupId ?? "";
  for (const { record, refs } of staying) {
    const all = refs.map((ref) => outcomes.get(itemName(ref)));
    const pauses = all.filter(stays).map((outcome) => pause(outcome, receives(record)));
    seconds.set(lane(record), Math.max(seconds.get(lane(record)) ?? 0, ...pauses));
  }
  await hideAll(staying, (record) => seconds.get(lane(record)) as number);
}

/** Seconds until a message is to come again for the sake of one of its objects. */
function pause(outcome: Outcome | undefined, received: number): number {
  if (outcome?.status === "DEFERRED") return 0;
  return Math.min(LONGEST_WAIT, BACK_OFF ** (outcome?.attempt ?? received));
}

async function hideAll(received: Received[], seconds: (record: SQSRecord) => number): Promise<void> {
  const messages = received.map(({ record }) => ({ receiptHandle: record.receiptHandle, seconds: seconds(record) }));
  try {
    const { team, dataset } = received[0]?.refs[0] as ObjectRef;
    const { stageAQueueUrl } = await requireDataset(team, dataset);
    await hide(stageAQueueUrl, messages);
  } catch (error) {
    // They come again all the same, only later: after the queue's own visibility timeout.
    log.warn("could not set when messages come again", error as Error);
  }
}
