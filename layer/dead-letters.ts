import {
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  type Message,
} from "@aws-sdk/client-sqs";
import { client } from "./clients";
import { digest } from "./identity";
import { log } from "./log";
import type { Outgoing } from "./queues";

/** How long a message stays hidden while it is sent back (s); a batch takes at most 10 s, at one message a second. */
const HIDDEN = 60;

/** How often a message's deletion is tried. */
const DELETE_TRIES = 3;

/** Attribute of a message that was put to the end of its DLQ: when it first came there (ms since 1970). */
const FAILED_AT = "failedAt";

/** A message of a DLQ. */
export interface DeadLetter {
  body: string;
  /** Code of the error that brought it there; missing where the queue itself gave the message up. */
  reason?: string | undefined;
  /** When it came into the DLQ (ms since 1970). */
  failedAt: number;
}

/** Takes messages, which stay hidden while they are sent back. */
export async function receive(queueUrl: string, most: number): Promise<Message[]> {
  const request = new ReceiveMessageCommand({
    ...{ QueueUrl: queueUrl, MaxNumberOfMessages: most, VisibilityTimeout: HIDDEN, WaitTimeSeconds: 1 },
    MessageSystemAttributeNames: ["SentTimestamp", "MessageGroupId"],
    MessageAttributeNames: ["All"],
  });
  return (await (await client("sqs")).send(request)).Messages ?? [];
}

/** Messages of a standard queue have no group: each is one of its own. */
export function groupOf({ Attributes, MessageId }: Message): string {
  return Attributes?.MessageGroupId ?? String(MessageId);
}

/** When a message came into its queue (ms since 1970). */
export function sentAt({ Attributes }: Message): number {
  return Number(Attributes?.SentTimestamp ?? 0);
}

function attributesOf({ MessageAttributes = {} }: Message): Record<string, string> {
  return Object.fromEntries(Object.entries(MessageAttributes).map(([name, value]) => [name, value.StringValue ?? ""]));
}

/** What a message says. */
export function letterOf(message: Message): DeadLetter {
  const { reason, [FAILED_AT]: failedAt } = attributesOf(message);
  return { body: message.Body ?? "", reason, failedAt: Number(failedAt ?? sentAt(message)) };
}

/** The same message once more. */
export function again(message: Message): Outgoing {
  const { failedAt } = letterOf(message);
  const group = message.Attributes?.MessageGroupId;
  return {
    body: message.Body ?? "",
    attributes: { ...attributesOf(message), [FAILED_AT]: String(failedAt) },
    ...(group === undefined ? {} : { group, deduplicationId: digest(`again\n${message.MessageId}`, 64) }),
  };
}

/** What cannot be deleted now is found again by the next redrive, and dropped: its objects need nothing any more. */
export async function remove(queueUrl: string, messages: Message[]): Promise<void> {
  let open = messages;
  for (let tries = 1; open.length > 0 && tries <= DELETE_TRIES; tries++) open = await tryDelete(queueUrl, open);
}

async function tryDelete(queueUrl: string, messages: Message[]): Promise<Message[]> {
  const Entries = messages.map(({ ReceiptHandle }, index) => ({
    Id: String(index),
    ReceiptHandle: ReceiptHandle as string,
  }));
  try {
    const { Failed = [] } = await (
      await client("sqs")
    ).send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
    if (Failed.length > 0) log.warn("could not delete from the DLQ", { queueUrl, messages: Failed.length });
    return Failed.flatMap(({ Id }) => messages[Number(Id)] ?? []);
  } catch (error) {
    log.warn("could not delete from the DLQ", { error: error as Error });
    return messages;
  }
}

/** Messages that are in a queue, in somebody's hands or not. */
export async function count(queueUrl: string): Promise<number> {
  const names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"] as const;
  const { Attributes } = await (
    await client("sqs")
  ).send(new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: [...names] }));
  return names.reduce((sum, name) => sum + Number(Attributes?.[name] ?? 0), 0);
}
