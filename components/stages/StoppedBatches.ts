import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import { Component, type Transform, transformed } from "../Component";
import type { ContainerFunction } from "../compute/ContainerFunction";
import { arn, physicalName, type Scope } from "../scope";
import { Consumer } from "./Consumer";
import { Queue, type QueueArgs } from "./Queue";
import { stateMachineArn } from "./StateMachine";
import { timings } from "./timings";

/** Arguments of {@link StoppedBatches}. */
export interface StoppedBatchesArgs {
  scope: Scope;
  /** The machine, as it is called in physical names. */
  machine: string;
  /** Records the failures; gets the permission to consume the queue. */
  function: ContainerFunction;
  /** Changes to the children. */
  transform?: {
    rule?: Transform<aws.cloudwatch.EventRuleArgs>;
    target?: Transform<aws.cloudwatch.EventTargetArgs>;
    queue?: QueueArgs["transform"];
  };
}

/** The parts of {@link StoppedBatches}. */
export interface StoppedBatchesNodes {
  rule: aws.cloudwatch.EventRule;
  target: aws.cloudwatch.EventTarget;
  queue: Queue;
  consumer: Consumer;
}

/** Statuses of executions that ended without their Error state: it leads to SUCCEEDED. */
const STATUSES = ["ABORTED", "TIMED_OUT", "FAILED"];

/**
 * Executions of one machine that somebody stopped, that ran out of time, or failed, as messages in a queue. A queue and not the
 * function itself is the rule's target: Lambda would try an event three times within minutes, a queue does for an hour, and its
 * DLQ keeps what could not be recorded.
 */
export class StoppedBatches extends Component<StoppedBatchesNodes> {
  readonly nodes: StoppedBatchesNodes;

  constructor(name: string, args: StoppedBatchesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("stages:StoppedBatches", name, opts);
    const { scope, machine, transform = {} } = args;
    const what = `${machine}-stopped`;
    const ruleName = physicalName("eventRule", scope, what);
    const queue = new Queue(
      name,
      {
        scope,
        what,
        visibility: timings.stageB.stoppedVisibility,
        sender: { service: "events.amazonaws.com", sourceArn: arn(scope, "events", `rule/${ruleName}`) },
        transform: transform.queue,
      },
      this.child(),
    );
    const rule = new aws.cloudwatch.EventRule(
      `${name}-rule`,
      transformed(transform.rule, {
        name: ruleName,
        description: `Executions of ${machine} that ended without outcomes`,
        eventPattern: JSON.stringify({
          source: ["aws.states"],
          "detail-type": ["Step Functions Execution Status Change"],
          detail: { stateMachineArn: [stateMachineArn(scope, machine)], status: STATUSES },
        }),
      }),
      this.child(),
    );
    const target = new aws.cloudwatch.EventTarget(
      `${name}-target`,
      transformed(transform.target, { rule: rule.name, targetId: "stopped", arn: queue.main.createdArn }),
      this.child(),
    );
    // One at a time: each may have to look through the files of its table, within the function's time.
    const consumer = new Consumer(name, { queue, function: args.function, batchSize: 1 }, this.child());
    this.nodes = { rule, target, queue, consumer };
    this.registerOutputs({});
  }
}
