import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import { Component, type Transform, transformed } from "../Component";
import { arn, physicalName, type Scope } from "../scope";
import type { SecureBucket } from "../storage/SecureBucket";
import { Queue, type QueueArgs } from "./Queue";
import { timings } from "./timings";

/** Arguments of {@link Arrivals}. */
export interface ArrivalsArgs {
  scope: Scope;
  /** Bucket whose new objects arrive; it must send its events to EventBridge. */
  bucket: SecureBucket;
  /** Changes to the children. */
  transform?: {
    rule?: Transform<aws.cloudwatch.EventRuleArgs>;
    target?: Transform<aws.cloudwatch.EventTargetArgs>;
    queue?: QueueArgs["transform"];
  };
}

/** The parts of {@link Arrivals}. */
export interface ArrivalsNodes {
  rule: aws.cloudwatch.EventRule;
  target: aws.cloudwatch.EventTarget;
  queue: Queue;
}

/** New objects of a bucket, as messages in a queue: one for each object version, at least once, in no order. */
export class Arrivals extends Component<ArrivalsNodes> {
  readonly nodes: ArrivalsNodes;
  /** The queue and its DLQ. */
  readonly queue: Queue;

  constructor(name: string, args: ArrivalsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("stages:Arrivals", name, opts);
    const { scope, bucket, transform = {} } = args;
    const ruleName = physicalName("eventRule", scope, "arrivals");
    this.queue = new Queue(
      name,
      {
        scope,
        what: "arrivals",
        visibility: timings.arrivals.visibility,
        sender: { service: "events.amazonaws.com", sourceArn: arn(scope, "events", `rule/${ruleName}`) },
        transform: transform.queue,
      },
      this.child(),
    );
    const rule = new aws.cloudwatch.EventRule(
      `${name}-rule`,
      transformed(transform.rule, {
        name: ruleName,
        description: "New objects in the raw bucket",
        eventPattern: JSON.stringify({
          source: ["aws.s3"],
          "detail-type": ["Object Created"],
          detail: { bucket: { name: [bucket.physicalName] } },
        }),
      }),
      this.child(),
    );
    const target = new aws.cloudwatch.EventTarget(
      `${name}-target`,
      transformed(transform.target, { rule: rule.name, targetId: "arrivals", arn: this.queue.main.createdArn }),
      this.child(),
    );
    this.nodes = { rule, target, queue: this.queue };
    this.registerOutputs({});
  }
}
