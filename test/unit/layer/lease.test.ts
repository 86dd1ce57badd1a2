import type { SQSRecord } from "aws-lambda";
import assert from "node:assert/strict";
import { useClients } from "../../../layer/clients";
import { LEASE, leased } from "../../../layer/lease";
import { log } from "../../../layer/log";
import type { Command } from "./fakes/command";

const record = (id: string) =>
  ({ receiptHandle: id, eventSourceARN: "arn:aws:sqs:eu-west-1:123456789012:q.fifo" }) as SQSRecord;

describe("layer: messages of a FIFO queue", () => {
  const realInterval = setInterval;
  let beat: () => void = () => undefined;

  beforeEach(() => {
    globalThis.setInterval = ((work: () => void) => {
      beat = work;
      return realInterval(() => undefined, 100_000);
    }) as never;
  });
  afterEach(() => {
    globalThis.setInterval = realInterval;
  });

  it("stay hidden as long as they are worked on, a little at a time", async () => {
    const asked: { QueueUrl: string; Entries: { VisibilityTimeout: number }[] }[] = [];
    useClients({ sqs: { send: async (command: Command) => void asked.push(command.input as never) } as never });
    const answer = await leased([record("1"), record("2")], async () => {
      beat();
      beat();
      return "done";
    });
    assert.equal(answer, "done");
    assert.equal(asked.length, 3);
    assert.equal(asked[0]?.QueueUrl, "https://sqs.eu-west-1.amazonaws.com/123456789012/q.fifo");
    assert.deepEqual(
      asked[0]?.Entries.map(({ VisibilityTimeout }) => VisibilityTimeout),
      [LEASE, LEASE],
    );
    const before = asked.length;
    beat = () => undefined;
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(asked.length, before, "nothing hides them afterwards");
  });

  it("are worked on also when the queue cannot be told", async () => {
    log.setLogLevel("SILENT");
    useClients({ sqs: { send: () => Promise.reject(new Error("down")) } as never });
    assert.equal(await leased([record("1")], async () => 5), 5);
    await assert.rejects(
      leased([record("1")], async () => assert.fail("broken")),
      /broken/,
    );
  });
});
