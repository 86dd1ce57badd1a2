import {
  BatchProcessor,
  EventType,
  processPartialResponse,
  SqsFifoPartialProcessorAsync,
} from "@aws-lambda-powertools/batch";
import type { PartialItemFailureResponse } from "@aws-lambda-powertools/batch/types";
import { parse } from "@aws-lambda-powertools/parser";
import type { Context, SQSEvent, SQSRecord } from "aws-lambda";
import type { z } from "zod";
import { describing } from "./describe";
import { leased } from "./lease";
import { correlate, log } from "./log";
import { jobStepSchema } from "./engines/steps";
import { stageAInputSchema, stageAStateSchema, stageBStateSchema } from "./messages";
import { forgetDatasets } from "./store/datasets";
import { beginInvocation, usedNow, type Used } from "./usage";

/** Errors by message id: these messages stay in their queue. */
export type Failures = Map<string, unknown>;

/** Events of state machines that pass on what was used so far. */
const measured: readonly z.ZodType[] = [stageAInputSchema, stageAStateSchema, stageBStateSchema, jobStepSchema];

/**
 * A handler of a state machine or of a direct call: checks the event against a schema, then works.
 *
 * @param about what its log entries are to be found by
 */
export function handle<Schema extends z.ZodType, Answer>(
  schema: Schema,
  work: (input: z.output<Schema>, context: Context) => Promise<Answer>,
  about?: (input: z.output<Schema>) => string | undefined,
): (event: unknown, context: Context) => Promise<Answer> {
  return describing(async (event, context) => {
    log.addContext(context);
    beginInvocation();
    forgetDatasets();
    const input = parse(event, undefined, schema) as z.output<Schema>;
    correlate(about?.(input));
    try {
      const answer = await work(input, context);
      log.info("done");
      return measured.includes(schema) ? withUse(input, answer) : answer;
    } catch (error) {
      log.error("failed", error as Error);
      throw error;
    }
  });
}

function withUse<Answer>(input: unknown, answer: Answer): Answer {
  const { used = [] } = input as { used?: Used[] };
  return { ...answer, used: [...used, usedNow()] };
}

/**
 * A handler of a queue: works on all messages at once and reports those that have to stay. In a FIFO queue, what follows a
 * message that stays, in its group, stays as well.
 */
export function handleQueue(
  kind: "fifo" | "standard",
  work: (records: SQSRecord[]) => Promise<Failures>,
): (event: SQSEvent, context: Context) => Promise<PartialItemFailureResponse> {
  return describing(async (event, context) => {
    log.addContext(context);
    forgetDatasets();
    correlate(event.Records[0]?.messageId);
    const { Records } = event;
    const failures = kind === "fifo" ? await leased(Records, () => work(Records)) : await work(Records);
    log.info("done", { messages: event.Records.length, staying: failures.size });
    const report = async (record: SQSRecord) => {
      if (failures.has(record.messageId)) throw failures.get(record.messageId);
    };
    // One for every call: a processor remembers the groups that failed.
    if (kind === "fifo") {
      const processor = new SqsFifoPartialProcessorAsync();
      return processPartialResponse(event, report, processor, {
        skipGroupOnError: true,
        throwOnFullBatchFailure: false,
      });
    }
    return processPartialResponse(event, report, new BatchProcessor(EventType.SQS), { throwOnFullBatchFailure: false });
  });
}

/** A handler of a function that is called directly and has a queue besides: what comes as records is the queue's. */
export function handleBoth<Answer>(
  direct: (event: unknown, context: Context) => Promise<Answer>,
  queue: (event: SQSEvent, context: Context) => Promise<PartialItemFailureResponse>,
): (event: unknown, context: Context) => Promise<Answer | PartialItemFailureResponse> {
  return (event, context) => (hasRecords(event) ? queue(event, context) : direct(event, context));
}

function hasRecords(event: unknown): event is SQSEvent {
  return Array.isArray((event as Partial<SQSEvent> | null | undefined)?.Records);
}
