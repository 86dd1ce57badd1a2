import {
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  type Message,
} from "@aws-sdk/client-sqs";
import { client } from "./clients";
import { LayerError } from "./errors";
import { log } from "./log";
import { hide, send, type Outgoing } from "./queues";

/** How long a message stays hidden while it is sent back (s). */
const HIDDEN = 60;

/** What a redrive function answers. */
export interface Redriven {
  /** Messages that are back in their queue. */
  redriven: number;
  /** Messages that are still in the DLQ, as far as SQS knows. */
  remaining: number;
}

/** Decides about a message of a DLQ: what to send, or undefined when its object needs nothing any more. */
export type Decide = (body: string) => Promise<Outgoing | undefined>;

/**
 * Sends the messages of a DLQ back to their queue. A message leaves the DLQ only after the queue has it; one that cannot be
 * sent stays. What comes into the DLQ meanwhile stays, too: an object that fails again would go round for ever.
 *
 * @param max most messages
 */
export async function redriveQueue(dlqUrl: string, queueUrl: string, max: number, decide: Decide): Promise<Redriven> {
  const began = Date.now();
  const newcomers: Message[] = [];
  let redriven = 0;
  for (let taken = 0; taken < max;) {
    const received = await receive(dlqUrl, Math.min(10, max - taken));
    const messages = received.filter((message) => sentAt(message) <= began);
    newcomers.push(...received.filter((message) => !messages.includes(message)));
    if (messages.length === 0) break;
    taken += messages.length;
    const { sent, done } = await sendBack(queueUrl, messages, decide);
    redriven += sent;
    await remove(dlqUrl, done);
    // A FIFO queue shows nothing of a group while some of it is hidden: more would only be had later.
    if (done.length < messages.length) break;
  }
  const handles = newcomers.map(({ ReceiptHandle }) => ({ receiptHandle: ReceiptHandle as string, seconds: 0 }));
  await hide(dlqUrl, handles);
  return { redriven, remaining: await count(dlqUrl) };
}

async function receive(queueUrl: string, most: number): Promise<Message[]> {
  const request = new ReceiveMessageCommand({
    ...{ QueueUrl: queueUrl, MaxNumberOfMessages: most, VisibilityTimeout: HIDDEN, WaitTimeSeconds: 1 },
    MessageSystemAttributeNames: ["SentTimestamp"],
  });
  return (await (await client("sqs")).send(request)).Messages ?? [];
}

/** When a message came into its queue (ms since 1970). */
function sentAt({ Attributes }: Message): number {
  return Number(Attributes?.SentTimestamp ?? 0);
}

async function sendBack(
  queueUrl: string,
  messages: Message[],
  decide: Decide,
): Promise<{ sent: number; done: Message[] }> {
  const outgoing: { message: Message; out: Outgoing }[] = [];
  const done: Message[] = [];
  // One after the other: messages of a group have to stay in order.
  for (const message of messages) {
    try {
      const out = await decide(message.Body ?? "");
      if (out) outgoing.push({ message, out });
      else done.push(message);
    } catch (error) {
      log.error("a message stays in the DLQ", { messageId: message.MessageId, error: error as Error });
      break;
    }
  }
  await send(
    queueUrl,
    outgoing.map(({ out }) => out),
  );
  return { sent: outgoing.length, done: [...done, ...outgoing.map(({ message }) => message)] };
}

async function remove(queueUrl: string, messages: Message[]): Promise<void> {
  if (messages.length === 0) return;
  const Entries = messages.map(({ ReceiptHandle }, index) => ({
    Id: String(index),
    ReceiptHandle: ReceiptHandle as string,
  }));
  const { Failed } = await (await client("sqs")).send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
  if (Failed && Failed.length > 0) {
    throw new LayerError(
      "DeleteFailed",
      `${Failed.length} messages that were sent back could not be deleted from ${queueUrl}: ${Failed[0]?.Message}`,
    );
  }
}

async function count(queueUrl: string): Promise<number> {
  const names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"] as const;
  const { Attributes } = await (
    await client("sqs")
  ).send(new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: [...names] }));
  return names.reduce((sum, name) => sum + Number(Attributes?.[name] ?? 0), 0);
}
