import type { Message } from "@aws-sdk/client-sqs";
import { setTimeout as sleep } from "node:timers/promises";
import { again, count, groupOf, letterOf, receive, remove, sentAt, type DeadLetter } from "./dead-letters";
import { log } from "./log";
import { hide, trySend, type Outgoing } from "./queues";

/** How long one call takes messages (s): well below the redrive functions' timeout (`timings.redrive`). */
export const REDRIVE_SECONDS = 90;

/** Batches in a row with nothing but newcomers, after which a DLQ counts as gone through. */
const IDLE_BATCHES = 3;

/** How often a message is sent at most, besides what the SDK repeats. */
const SEND_TRIES = 2;

/** What a redrive function answers. */
export interface Redriven {
  /** Messages that are back in their queue. */
  redriven: number;
  /** Messages that are still in the DLQ, as far as SQS knows. */
  remaining: number;
  /** Messages whose objects needed nothing any more: out of the DLQ, and not sent. */
  dropped: number;
  /** Messages that were not asked for: at the end of the DLQ now, in their order. */
  passed: number;
  /** Messages that could not be sent back now: they stay, and so does what follows them in their group. */
  failed: number;
  /** The call ended because its time was up: another one, with the same `before`, goes on. */
  more: boolean;
  /** What came later was left alone (ms since 1970). */
  before: number;
}

/** What to do with a message: send something back, drop it because its objects need nothing, or leave it in the DLQ. */
export type Decision = { send: Outgoing } | "drop" | "pass";

/** Decides about a message; when it throws, the message stays, and so does what follows in its group. */
export type Decide = (letter: DeadLetter) => Promise<Decision>;

/** How a DLQ is gone through. */
export interface RedriveOptions {
  /** Most messages that are sent back. */
  max: number;
  /** Only messages that came before (ms since 1970): an object that fails again would go round for ever. @default now */
  before?: number | undefined;
  /** Most messages a second. @default as fast as it goes */
  rate?: number | undefined;
  /** @default {@link REDRIVE_SECONDS} */
  seconds?: number;
}

/**
 * Sends messages of a DLQ back to their queue. A message leaves the DLQ only after the queue has it. Messages of a group are
 * sent one after the other; after the first that fails, the rest of its group stays, so that none overtakes it. Messages
 * that were not asked for go to the end of the DLQ: a FIFO queue shows nothing behind them otherwise.
 */
export async function redriveQueue(
  dlqUrl: string,
  queueUrl: string,
  options: RedriveOptions,
  decide: Decide,
): Promise<Redriven> {
  const pass = new Pass(dlqUrl, queueUrl, options, decide);
  try {
    await pass.run();
  } finally {
    await pass.showAgain();
  }
  return { ...pass.counts, remaining: await count(dlqUrl), before: pass.before };
}

/** A message with what was decided about it. */
interface Decided {
  message: Message;
  decision: Decision;
}

/** One way through a DLQ. */
class Pass {
  readonly counts = { redriven: 0, dropped: 0, passed: 0, failed: 0, more: false };
  private readonly began = Date.now();
  /** What comes later is left alone (ms since 1970). */
  readonly before: number;
  /** Groups of which a message has to stay: the rest of the group stays as well. */
  private readonly stopped = new Set<string>();
  private readonly staying: Message[] = [];

  constructor(
    private readonly dlqUrl: string,
    private readonly queueUrl: string,
    private readonly options: RedriveOptions,
    private readonly decide: Decide,
  ) {
    this.before = options.before ?? this.began;
  }

  async run(): Promise<void> {
    for (let idle = 0; idle < IDLE_BATCHES && this.counts.redriven < this.options.max;) {
      if (this.seconds() > (this.options.seconds ?? REDRIVE_SECONDS)) {
        this.counts.more = true;
        return;
      }
      const messages = await receive(this.dlqUrl, this.batchSize());
      if (messages.length === 0) return;
      const due = messages.filter((message) => sentAt(message) <= this.before);
      this.staying.push(...messages.filter((message) => !due.includes(message)));
      idle = due.length === 0 ? idle + 1 : 0;
      await this.batch(due);
      await this.slowDown();
    }
  }

  /** What stays is shown again at once, in its order. */
  async showAgain(): Promise<void> {
    const handles = this.staying.map(({ ReceiptHandle }) => ({ receiptHandle: ReceiptHandle as string, seconds: 0 }));
    await hide(this.dlqUrl, handles).catch((error: unknown) =>
      log.warn("what stays in the DLQ is hidden for a while", { error: error as Error }),
    );
  }

  private async batch(messages: Message[]): Promise<void> {
    const groups = new Map<string, Message[]>();
    for (const message of messages) groups.set(groupOf(message), [...(groups.get(groupOf(message)) ?? []), message]);
    const done: Message[] = [];
    // One of each group at a time: of two in one request the first might be refused and the second taken.
    for (let turn = 0; [...groups.values()].some((of) => turn < of.length); turn++) {
      const decided = await this.judgeAll([...groups.values()].flatMap((of) => of[turn] ?? []));
      const dropped = decided.filter(({ decision }) => decision === "drop");
      this.counts.dropped += dropped.length;
      const sent = await this.sendBack(decided);
      const passed = await this.putToTheEnd(decided);
      done.push(...dropped.map(({ message }) => message), ...sent, ...passed);
    }
    await remove(this.dlqUrl, done);
  }

  /** Decides only about what can be sent now: a decision opens objects again. */
  private async judgeAll(messages: Message[]): Promise<Decided[]> {
    const decided: Decided[] = [];
    let left = this.options.max - this.counts.redriven;
    for (const message of messages) {
      const one = await this.judge(message, left > 0);
      if (one) decided.push(one);
      if (typeof one?.decision === "object") left--;
    }
    return decided;
  }

  /** Undefined when the message stays. */
  private async judge(message: Message, allowed: boolean): Promise<Decided | undefined> {
    if (!allowed) this.stopped.add(groupOf(message));
    if (this.stopped.has(groupOf(message))) {
      this.staying.push(message);
      return undefined;
    }
    try {
      return { message, decision: await this.decide(letterOf(message)) };
    } catch (error) {
      this.stays(message, error);
      return undefined;
    }
  }

  private stays(message: Message, error: unknown): void {
    log.error("a message stays in the DLQ", { messageId: message.MessageId, error: error as Error });
    this.stopped.add(groupOf(message));
    this.staying.push(message);
    this.counts.failed++;
  }

  private async sendBack(decided: Decided[]): Promise<Message[]> {
    const outgoing = decided.flatMap(({ message, decision }) =>
      typeof decision === "object" ? [{ message, out: decision.send }] : [],
    );
    const sent = await this.sendAll(this.queueUrl, outgoing);
    this.counts.redriven += sent.length;
    return sent;
  }

  private async putToTheEnd(decided: Decided[]): Promise<Message[]> {
    const outgoing = decided.flatMap(({ message, decision }) =>
      decision === "pass" ? [{ message, out: again(message) }] : [],
    );
    const sent = await this.sendAll(this.dlqUrl, outgoing);
    this.counts.passed += sent.length;
    return sent;
  }

  /** What a queue refuses is tried once more at once; nothing behind it in its group is sent meanwhile. */
  private async sendAll(url: string, outgoing: { message: Message; out: Outgoing }[]): Promise<Message[]> {
    const sent: Message[] = [];
    let open = outgoing;
    for (let tries = 1; open.length > 0; tries++) {
      const results = await trySend(
        url,
        open.map(({ out }) => out),
      );
      sent.push(...open.filter((_, index) => results[index]?.sent).map(({ message }) => message));
      const errors = results.filter((result) => !result.sent).map(({ error }) => error);
      open = open.filter((_, index) => !results[index]?.sent);
      if (tries < SEND_TRIES) continue;
      open.forEach(({ message }, index) => this.stays(message, errors[index]));
      return sent;
    }
    return sent;
  }

  private batchSize(): number {
    const { max, rate = 10 } = this.options;
    return Math.max(1, Math.min(10, rate, max - this.counts.redriven));
  }

  private async slowDown(): Promise<void> {
    const { rate } = this.options;
    if (rate === undefined) return;
    const wait = (this.counts.redriven / rate - this.seconds()) * 1_000;
    if (wait > 0) await sleep(wait);
  }

  private seconds(): number {
    return (Date.now() - this.began) / 1_000;
  }
}
