import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import { Component, type Transform, transformed } from "../Component";
import { denyWithoutTls, type Grantee } from "../iam";
import { familyOf, type Granted } from "./queueFamily";
import { arn, physicalName, type Scope } from "../scope";
import { type Duration, toSeconds } from "../units";

/** Arguments of {@link Queue}. */
export interface QueueArgs {
  scope: Scope;
  /** What the queue carries; part of its physical name. The DLQ's name is this and `-dlq`. */
  what: string;
  /** Keeps the order within a message group and takes a message once. @default false */
  fifo?: boolean;
  /** How long a received message stays hidden; longer than its consumer runs. @default "30 seconds" */
  visibility?: Duration;
  /** How long a message waits at most. @default "4 days" */
  retention?: Duration;
  /**
   * After how many receives a message goes to the DLQ, 1 to 1,000.
   * @default 10
   */
  maxReceiveCount?: number;
  /** An AWS service that may send, for one resource of ours only. @default none */
  sender?: { service: string; sourceArn: string };
  /**
   * Queues of a family are granted together, by a tag: a role that uses the queues of 500 datasets has one statement for
   * them, see {@link familyOf}.
   * @default each queue is granted by its own ARN
   */
  family?: string;
  /** Changes to the children. */
  transform?: { queue?: Transform<aws.sqs.QueueArgs>; dlq?: Transform<aws.sqs.QueueArgs> };
}

/** After how many receives a message goes to the DLQ, unless a queue says otherwise. */
export const MAX_RECEIVES = 10;

/** One of the two queues of a {@link Queue}. */
export interface QueueEnd {
  /** The queue's ARN, known before the queue exists: grants need not wait for it. */
  arn: string;
  /** The queue's ARN, known when the queue exists. */
  createdArn: pulumi.Output<string>;
  url: pulumi.Output<string>;
}

/** How long a DLQ keeps its messages: the most that SQS offers, because a person has to look at them. */
export const DLQ_RETENTION: Duration = "14 days";

const sendActions = ["sqs:SendMessage"];
const consumeActions = ["ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "GetQueueAttributes"].map(
  (action) => `sqs:${action}`,
);

/** A queue with its dead-letter queue: encrypted, reachable over TLS only; nothing else may use its DLQ. */
export class Queue extends Component<{ queue: aws.sqs.Queue; dlq: aws.sqs.Queue }> {
  readonly nodes: { queue: aws.sqs.Queue; dlq: aws.sqs.Queue };
  readonly main: QueueEnd;
  readonly dlq: QueueEnd;
  private readonly granted: Record<"main" | "dlq", Granted>;

  constructor(name: string, args: QueueArgs, opts?: pulumi.ComponentResourceOptions) {
    super("stages:Queue", name, opts);
    const { scope, what, transform = {} } = args;
    const suffix = args.fifo ? ".fifo" : "";
    const names = {
      queue: physicalName("sqsQueue", scope, what, suffix),
      dlq: physicalName("sqsQueue", scope, `${what}-dlq`, suffix),
    };
    const arns = { queue: arn(scope, "sqs", names.queue), dlq: arn(scope, "sqs", names.dlq) };
    const family = familyOf(scope, args.family);
    this.granted = granted(arns, family);
    const dlq = new aws.sqs.Queue(
      `${name}-dlq`,
      transformed(transform.dlq, {
        ...secured(args, names.dlq, DLQ_RETENTION, queuePolicy(arns.dlq)),
        ...(family && { tags: family.dlq.tags }),
        // Inline and with a computed ARN: as resources of their own, policies wait 25 s more.
        redriveAllowPolicy: JSON.stringify({ redrivePermission: "byQueue", sourceQueueArns: [arns.queue] }),
      }),
      this.child(),
    );
    const queue = new aws.sqs.Queue(
      `${name}-queue`,
      transformed(transform.queue, {
        ...secured(args, names.queue, args.retention ?? "4 days", queuePolicy(arns.queue, scope, args.sender)),
        ...(family && { tags: family.main.tags }),
        visibilityTimeoutSeconds: toSeconds(args.visibility ?? "30 seconds", `${name}.visibility`),
        redrivePolicy: dlq.arn.apply((deadLetterTargetArn) =>
          JSON.stringify({ deadLetterTargetArn, maxReceiveCount: args.maxReceiveCount ?? MAX_RECEIVES }),
        ),
      }),
      this.child(),
    );
    this.nodes = { queue, dlq };
    this.main = { arn: arns.queue, createdArn: queue.arn, url: queue.url };
    this.dlq = { arn: arns.dlq, createdArn: dlq.arn, url: dlq.url };
    this.registerOutputs({ url: this.main.url, dlqUrl: this.dlq.url });
  }

  /** Allows sending to the queue, or to its DLQ; of a family, to all of the lake's. */
  grantSend(grantee: Grantee, end: "main" | "dlq" = "main"): void {
    grantee.addStatements({ actions: sendActions, ...this.granted[end] });
  }

  /** Allows receiving, deleting and hiding messages of the queue, or of its DLQ; of a family, of all of the lake's. */
  grantConsume(grantee: Grantee, end: "main" | "dlq" = "main"): void {
    grantee.addStatements({ actions: consumeActions, ...this.granted[end] });
  }
}

function granted(arns: { queue: string; dlq: string }, family: ReturnType<typeof familyOf>): Queue["granted"] {
  const { main = { resources: [arns.queue] }, dlq = { resources: [arns.dlq] } } = family ?? {};
  const only = ({ resources, conditions }: Granted): Granted => ({ resources, ...(conditions && { conditions }) });
  return { main: only(main), dlq: only(dlq) };
}

function secured(args: QueueArgs, name: string, retention: Duration, policy: string): aws.sqs.QueueArgs {
  return {
    name,
    sqsManagedSseEnabled: true,
    messageRetentionSeconds: toSeconds(retention, `${args.what}.retention`),
    policy,
    // Deduplication and throughput by group: one dataset's burst does not slow down another group.
    ...(args.fifo && {
      fifoQueue: true,
      deduplicationScope: "messageGroup",
      fifoThroughputLimit: "perMessageGroupId",
    }),
  };
}

function queuePolicy(queueArn: string, scope?: Scope, sender?: QueueArgs["sender"]): string {
  const allowSender = sender && {
    Sid: "AllowSender",
    Effect: "Allow",
    Principal: { Service: sender.service },
    Action: "sqs:SendMessage",
    Resource: queueArn,
    Condition: {
      ArnEquals: { "aws:SourceArn": sender.sourceArn },
      StringEquals: { "aws:SourceAccount": scope?.account },
    },
  };
  return JSON.stringify({
    Version: "2012-10-17",
    Statement: [denyWithoutTls("sqs", [queueArn]), ...(allowSender ? [allowSender] : [])],
  });
}
