import {
  ChangeMessageVisibilityBatchCommand,
  SendMessageBatchCommand,
  type BatchResultErrorEntry,
  type SendMessageBatchRequestEntry,
} from "@aws-sdk/client-sqs";
import { chunk } from "./chunk";
import { client } from "./clients";
import { LayerError } from "./errors";

/** A message to send. Group and deduplication id are for FIFO queues. */
export interface Outgoing {
  body: string;
  group?: string;
  deduplicationId?: string;
  /** String attributes. */
  attributes?: Record<string, string>;
}

/** Most messages of one request (SQS's limit). */
const BATCH = 10;

/** Most bytes of one request: SQS takes 1 MiB, older endpoints 256 KiB. */
const BYTES = 250_000;

/**
 * Sends messages, ten a request.
 *
 * @throws LayerError `SendFailed` when the queue refused one; which of the others were sent is then unknown
 */
export async function send(queueUrl: string, messages: Outgoing[]): Promise<void> {
  for (const batch of batches(messages)) {
    const failed = await sendBatch(queueUrl, batch);
    if (failed.length === 0) continue;
    const reasons = [...new Set(failed.map(({ Code, Message }) => `${Code}: ${Message}`))].join("; ");
    throw new LayerError(
      "SendFailed",
      `${failed.length} of ${batch.length} messages to ${queueUrl} were refused: ${reasons}`,
    );
  }
}

/**
 * Sends messages, ten a request, and tells of each whether the queue has it; never throws for a message's sake. One whose
 * request got no answer counts as not sent, though the queue may have it.
 */
export async function trySend(queueUrl: string, messages: Outgoing[]): Promise<{ sent: boolean; error?: unknown }[]> {
  const results: { sent: boolean; error?: unknown }[] = [];
  for (const batch of batches(messages)) {
    try {
      const failed = new Map((await sendBatch(queueUrl, batch)).map((one) => [one.Id, one]));
      results.push(
        ...batch.map((_, index) => {
          const refused = failed.get(String(index));
          return refused ? { sent: false, error: new LayerError("SendFailed", refusal(refused)) } : { sent: true };
        }),
      );
    } catch (error) {
      results.push(...batch.map(() => ({ sent: false, error })));
    }
  }
  return results;
}

async function sendBatch(queueUrl: string, batch: Outgoing[]): Promise<BatchResultErrorEntry[]> {
  const request = new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries: batch.map(entry) });
  return (await (await client("sqs")).send(request)).Failed ?? [];
}

function refusal({ Code, Message }: BatchResultErrorEntry): string {
  return `the queue refused a message: ${Code}: ${Message}`;
}

/** Keeps received messages hidden for some more seconds, ten a request. One that is visible again already stays so. */
export async function hide(queueUrl: string, messages: { receiptHandle: string; seconds: number }[]): Promise<void> {
  for (let start = 0; start < messages.length; start += BATCH) {
    const entries = messages.slice(start, start + BATCH).map((message, index) => ({
      Id: String(index),
      ReceiptHandle: message.receiptHandle,
      VisibilityTimeout: message.seconds,
    }));
    await (await client("sqs")).send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: queueUrl, Entries: entries }));
  }
}

function entry(message: Outgoing, index: number): SendMessageBatchRequestEntry {
  const attributes = Object.entries(message.attributes ?? {}).map(([name, value]) => [
    name,
    { DataType: "String", StringValue: value },
  ]);
  return {
    Id: String(index),
    MessageBody: message.body,
    MessageGroupId: message.group,
    MessageDeduplicationId: message.deduplicationId,
    MessageAttributes: attributes.length > 0 ? Object.fromEntries(attributes) : undefined,
  };
}

function batches(messages: Outgoing[]): Outgoing[][] {
  const bytes = ({ body, attributes }: Outgoing) =>
    Buffer.byteLength(body) + Buffer.byteLength(JSON.stringify(attributes ?? {}));
  return chunk(messages, { most: BYTES, of: bytes }, { most: BATCH, of: () => 1 });
}
