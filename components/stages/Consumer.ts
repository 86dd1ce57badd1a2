import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import { Component, type Transform, transformed } from "../Component";
import type { ContainerFunction } from "../compute/ContainerFunction";
import { type Duration, toSeconds } from "../units";
import type { Queue } from "./Queue";

/** Arguments of {@link Consumer}. */
export interface ConsumerArgs {
  /** Where the messages are. */
  queue: Queue;
  /** Who handles them; gets the permission to consume the queue. */
  function: ContainerFunction;
  /** Most messages of one invocation: 1 to 10; a standard queue's up to 10,000. */
  batchSize: number;
  /** How long a standard queue's messages are gathered where a batch may be larger than 10. @default "1 second" */
  window?: Duration;
  /** Most invocations at a time that the queue causes, 2 to 1,000. @default as many as Lambda scales to */
  maximumConcurrency?: number | undefined;
  /** What must exist before the first message is handled. */
  after?: pulumi.Resource[];
  /** Changes to the children. */
  transform?: { mapping?: Transform<aws.lambda.EventSourceMappingArgs> };
}

/** A function that handles a queue's messages in batches and answers which of them failed; only these come again. */
export class Consumer extends Component<{ mapping: aws.lambda.EventSourceMapping }> {
  readonly nodes: { mapping: aws.lambda.EventSourceMapping };

  constructor(name: string, args: ConsumerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("stages:Consumer", name, opts);
    args.queue.grantConsume(args.function);
    const mapping = new aws.lambda.EventSourceMapping(
      `${name}-mapping`,
      transformed(args.transform?.mapping, {
        eventSourceArn: args.queue.main.createdArn,
        functionName: args.function.aliasArn,
        batchSize: args.batchSize,
        // AWS asks for a window where a batch may be larger than one receive.
        maximumBatchingWindowInSeconds: args.batchSize > 10 ? toSeconds(args.window ?? "1 second", name) : undefined,
        ...(args.maximumConcurrency !== undefined && {
          scalingConfig: { maximumConcurrency: args.maximumConcurrency },
        }),
        functionResponseTypes: ["ReportBatchItemFailures"],
      }),
      // AWS checks at creation that the function's role may read the queue.
      this.child({ dependsOn: [args.function.nodes.role.policy, ...(args.after ?? [])] }),
    );
    this.nodes = { mapping };
    this.registerOutputs({});
  }
}
