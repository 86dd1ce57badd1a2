import type { SQSRecord } from "aws-lambda";
import { log } from "./log";
import { hide } from "./queues";

/** How long messages stay hidden from now on (s): what breaks off comes again after it. */
export const LEASE = 45;

/** How often that is renewed (s). */
const RENEWED = 15;

/**
 * Works on the messages of a FIFO queue and keeps them hidden as long as it takes, a little at a time. The queue itself hides them
 * for much longer, because Lambda may have taken them and cannot run the function yet; when a call breaks off, their groups
 * would wait for all of that.
 */
export async function leased<T>(records: SQSRecord[], work: () => Promise<T>): Promise<T> {
  let renewal = renew(records);
  const timer = setInterval(() => {
    renewal = renewal.then(() => renew(records));
  }, RENEWED * 1_000);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    // Nothing hides them any more once their outcome is known.
    await renewal;
  }
}

async function renew(records: SQSRecord[]): Promise<void> {
  try {
    const messages = records.map(({ receiptHandle }) => ({ receiptHandle, seconds: LEASE }));
    await hide(queueUrl(records[0]?.eventSourceARN ?? ""), messages);
  } catch (error) {
    log.warn("could not say how long the messages stay hidden", error as Error);
  }
}

/** Address of a queue, which Lambda tells only the ARN of. */
function queueUrl(arn: string): string {
  const [, partition, , region, account, name] = arn.split(":");
  const suffix = partition === "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com";
  return `https://sqs.${region}.${suffix}/${account}/${name}`;
}
