import assert from "node:assert/strict";
import { Queue, type QueueArgs } from "../../../components/stages/Queue";
import { scopeOf } from "./support/lake";
import { account, inputsOf, region, run } from "./support/mocks";

const scope = scopeOf();
const type = "aws:sqs/queue:Queue";
const arnOf = (name: string) => `arn:aws:sqs:${region}:${account}:${name}`;

async function queues(args: Partial<QueueArgs> = {}) {
  const { resources } = await run(() => new Queue("work", { scope, what: "work", ...args }));
  return { queue: inputsOf(resources, type, "work-queue"), dlq: inputsOf(resources, type, "work-dlq") };
}

describe("Queue", () => {
  it("and its DLQ are encrypted and refuse everybody without TLS", async () => {
    const both = await queues();
    for (const [end, name] of [
      ["queue", "tributary-dev-work"],
      ["dlq", "tributary-dev-work-dlq"],
    ] as const) {
      assert.equal(both[end].name, name);
      assert.equal(both[end].sqsManagedSseEnabled, true);
      assert.deepEqual(JSON.parse(both[end].policy).Statement, [
        {
          Sid: "DenyWithoutTls",
          Effect: "Deny",
          Principal: "*",
          Action: "sqs:*",
          Resource: [arnOf(name)],
          Condition: { Bool: { "aws:SecureTransport": "false" } },
        },
      ]);
    }
  });

  it("gives messages to its DLQ, which takes them from nobody else", async () => {
    const { queue, dlq } = await queues();
    assert.deepEqual(JSON.parse(queue.redrivePolicy), {
      deadLetterTargetArn: arnOf("tributary-dev-work-dlq"),
      maxReceiveCount: 10,
    });
    assert.deepEqual(JSON.parse(dlq.redriveAllowPolicy), {
      redrivePermission: "byQueue",
      sourceQueueArns: [arnOf("tributary-dev-work")],
    });
  });

  it("keeps dead messages longer than living ones", async () => {
    const { queue, dlq } = await queues();
    assert.equal(queue.messageRetentionSeconds, 4 * 86_400);
    assert.equal(dlq.messageRetentionSeconds, 14 * 86_400);
  });

  it("keeps order within groups when it is FIFO, and its DLQ too", async () => {
    for (const [end, name] of Object.entries({
      queue: "tributary-dev-work.fifo",
      dlq: "tributary-dev-work-dlq.fifo",
    })) {
      const found = (await queues({ fifo: true }))[end as "queue" | "dlq"];
      const { fifoQueue, deduplicationScope, fifoThroughputLimit, contentBasedDeduplication } = found;
      assert.equal(found.name, name);
      assert.deepEqual(
        [fifoQueue, deduplicationScope, fifoThroughputLimit, contentBasedDeduplication],
        [true, "messageGroup", "perMessageGroupId", undefined],
      );
    }
  });

  it("lets one service send, for one resource of this account", async () => {
    const sourceArn = `arn:aws:events:${region}:${account}:rule/r`;
    const { queue, dlq } = await queues({ sender: { service: "events.amazonaws.com", sourceArn } });
    const allowed = JSON.parse(queue.policy).Statement.filter((one: { Effect: string }) => one.Effect === "Allow");
    assert.deepEqual(allowed, [
      {
        Sid: "AllowSender",
        Effect: "Allow",
        Principal: { Service: "events.amazonaws.com" },
        Action: "sqs:SendMessage",
        Resource: arnOf("tributary-dev-work"),
        Condition: { ArnEquals: { "aws:SourceArn": sourceArn }, StringEquals: { "aws:SourceAccount": account } },
      },
    ]);
    assert.ok(!JSON.parse(dlq.policy).Statement.some((one: { Effect: string }) => one.Effect === "Allow"));
  });

  it("takes times with units and other receive counts, and lets children be changed", async () => {
    const transform = { queue: { delaySeconds: 5 }, dlq: { maxMessageSize: 1_024 } };
    const { queue, dlq } = await queues({ visibility: "2 minutes", retention: "1 day", maxReceiveCount: 3, transform });
    assert.equal(queue.visibilityTimeoutSeconds, 120);
    assert.equal(queue.messageRetentionSeconds, 86_400);
    assert.equal(JSON.parse(queue.redrivePolicy).maxReceiveCount, 3);
    assert.equal(queue.delaySeconds, 5);
    assert.equal(dlq.maxMessageSize, 1_024);
  });

  it("names the queue whose time is wrong", async () => {
    await assert.rejects(queues({ visibility: "soon" as never }), /work\.visibility: found "soon"/);
  });
});
