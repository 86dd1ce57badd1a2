import type {
  ChangeMessageVisibilityBatchCommandInput,
  DeleteMessageBatchCommandInput,
  ReceiveMessageCommandInput,
  SendMessageBatchCommandInput,
} from "@aws-sdk/client-sqs";
import type { SQSRecord } from "aws-lambda";
import assert from "node:assert/strict";
import type { Command } from "./command";

interface Message {
  id: string;
  body: string;
  group: string | undefined;
  attributes: Record<string, string>;
  sequenceNumber: number;
  receives: number;
  hidden: boolean;
  /** ms since 1970 */
  sentAt: number;
}

/**
 * SQS as far as the layer uses it. FIFO queues (by their name) drop what has a known deduplication id and show nothing of a
 * group of which something is hidden; there is no clock, hidden messages come back by `reveal`.
 */
export class FakeSqs {
  private readonly queues = new Map<string, { messages: Message[]; known: Set<string> }>();
  private count = 0;
  /** Seconds that messages were hidden for, in the order of the requests. */
  readonly hiddenFor: number[] = [];
  readonly requests: Record<string, number> = {};
  /** What the queues take for the time (ms since 1970). */
  now = (): number => Date.now();
  before: (name: string, input: unknown) => void = () => undefined;
  /** Called after each request has had its effect; may throw: an answer that is lost. */
  after: (name: string) => void = () => undefined;
  /** Whether one entry of a batch is refused, while the others are taken. */
  refuses: (name: string) => boolean = () => false;

  async send(command: Command): Promise<unknown> {
    const name = command.constructor.name;
    this.requests[name] = (this.requests[name] ?? 0) + 1;
    await Promise.resolve();
    this.before(name, command.input);
    const answer = this.answer(name, command);
    this.after(name);
    return answer;
  }

  private answer(name: string, command: Command): unknown {
    if (name === "SendMessageBatchCommand") return this.sendBatch(command.input as SendMessageBatchCommandInput);
    if (name === "ReceiveMessageCommand") return this.receiveSome(command.input as ReceiveMessageCommandInput);
    if (name === "DeleteMessageBatchCommand") return this.deleteBatch(command.input as DeleteMessageBatchCommandInput);
    if (name === "ChangeMessageVisibilityBatchCommand") {
      const { Entries = [] } = command.input as ChangeMessageVisibilityBatchCommandInput;
      this.hiddenFor.push(...Entries.map((entry) => entry.VisibilityTimeout ?? 0));
      const shown = new Set(Entries.filter((e) => e.VisibilityTimeout === 0).map((e) => e.ReceiptHandle));
      for (const message of this.queue((command.input as ChangeMessageVisibilityBatchCommandInput).QueueUrl as string)
        .messages) {
        if (shown.has(message.id)) message.hidden = false;
      }
      return {};
    }
    if (name === "GetQueueAttributesCommand") {
      const { QueueUrl } = command.input as { QueueUrl: string };
      return { Attributes: { ApproximateNumberOfMessages: String(this.bodies(QueueUrl).length) } };
    }
    assert.fail(`the fake SQS does not know ${name}`);
  }

  bodies(url: string): string[] {
    return this.queue(url).messages.map(({ body }) => body);
  }

  messages(url: string): readonly Message[] {
    return this.queue(url).messages;
  }

  /** Puts a message into a queue. */
  add(url: string, message: { body: string; group: string | undefined; attributes: Record<string, string> }): void {
    this.queue(url).messages.push({
      ...message,
      id: `message-${++this.count}`,
      sequenceNumber: this.count,
      receives: 0,
      hidden: false,
      sentAt: this.now(),
    });
  }

  /** Empties a queue. */
  purge(url: string): void {
    this.queue(url).messages = [];
  }

  /** Five minutes later: deduplication ids are forgotten. */
  forget(url: string): void {
    this.queue(url).known.clear();
  }

  /** Takes up to ten messages as a Lambda event source does. */
  receive(url: string, most = 10): SQSRecord[] {
    return this.take(url, most).map((message) => ({
      messageId: message.id,
      receiptHandle: message.id,
      body: message.body,
      attributes: {
        ApproximateReceiveCount: String(message.receives),
        SentTimestamp: "0",
        SenderId: "fake",
        ApproximateFirstReceiveTimestamp: "0",
        ...(message.group === undefined
          ? {}
          : { MessageGroupId: message.group, SequenceNumber: String(message.sequenceNumber) }),
      },
      messageAttributes: {},
      md5OfBody: "",
      eventSource: "aws:sqs",
      eventSourceARN: `arn:aws:sqs:eu-west-1:000000000000:${url}`,
      awsRegion: "eu-west-1",
    }));
  }

  /** Ends a receive: what failed comes back, the rest is gone. */
  settle(url: string, records: SQSRecord[], failed: Set<string>): void {
    const taken = new Set(records.map(({ messageId }) => messageId));
    const queue = this.queue(url);
    queue.messages = queue.messages.filter(({ id }) => !taken.has(id) || failed.has(id));
    this.reveal(url);
  }

  reveal(url: string): void {
    for (const message of this.queue(url).messages) message.hidden = false;
  }

  private take(url: string, most: number): Message[] {
    const blocked = new Set<string>();
    const { messages } = this.queue(url);
    for (const { hidden, group } of messages) if (hidden && group !== undefined) blocked.add(group);
    const visible = messages.filter(({ hidden, group }) => !hidden && (group === undefined || !blocked.has(group)));
    const taken = visible.slice(0, most);
    for (const message of taken) {
      message.hidden = true;
      message.receives++;
    }
    return taken;
  }

  private sendBatch({ QueueUrl, Entries = [] }: SendMessageBatchCommandInput) {
    assert.ok(Entries.length > 0 && Entries.length <= 10, "a batch takes 1 to 10 messages");
    const queue = this.queue(QueueUrl as string);
    const refused = Entries.filter(() => this.refuses("SendMessageBatchCommand"));
    for (const entry of Entries.filter((one) => !refused.includes(one))) {
      const fifo = (QueueUrl as string).endsWith(".fifo");
      assert.equal(entry.MessageGroupId !== undefined, fifo, "groups belong to FIFO queues");
      if (fifo && queue.known.has(entry.MessageDeduplicationId as string)) continue;
      if (fifo) queue.known.add(entry.MessageDeduplicationId as string);
      const attributes = Object.entries(entry.MessageAttributes ?? {}).map(([name, { StringValue }]) => [
        name,
        StringValue,
      ]);
      this.add(QueueUrl as string, {
        body: entry.MessageBody as string,
        group: entry.MessageGroupId,
        attributes: Object.fromEntries(attributes) as Record<string, string>,
      });
    }
    return { Failed: refused.map(failed) };
  }

  private receiveSome({ QueueUrl, MaxNumberOfMessages = 1 }: ReceiveMessageCommandInput) {
    const taken = this.take(QueueUrl as string, MaxNumberOfMessages);
    return {
      Messages: taken.map(({ id, body, sentAt, group, attributes }) => ({
        ...{ MessageId: id, ReceiptHandle: id, Body: body },
        Attributes: { SentTimestamp: String(sentAt), ...(group === undefined ? {} : { MessageGroupId: group }) },
        MessageAttributes: Object.fromEntries(
          Object.entries(attributes).map(([key, StringValue]) => [key, { DataType: "String", StringValue }]),
        ),
      })),
    };
  }

  private deleteBatch({ QueueUrl, Entries = [] }: DeleteMessageBatchCommandInput) {
    const refused = Entries.filter(() => this.refuses("DeleteMessageBatchCommand"));
    const gone = new Set(Entries.filter((one) => !refused.includes(one)).map(({ ReceiptHandle }) => ReceiptHandle));
    const queue = this.queue(QueueUrl as string);
    queue.messages = queue.messages.filter(({ id }) => !gone.has(id));
    return { Failed: refused.map(failed) };
  }

  private queue(url: string) {
    const found = this.queues.get(url) ?? { messages: [], known: new Set<string>() };
    this.queues.set(url, found);
    return found;
  }
}

function failed({ Id }: { Id?: string | undefined }) {
  return { Id, Code: "InternalError", Message: "try again", SenderFault: false };
}
