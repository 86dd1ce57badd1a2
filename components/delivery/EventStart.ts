import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { Component, type Transform, transformed } from "../Component";
import { physicalName, type Scope } from "../scope";
import { type Duration, toSeconds } from "../units";

/** What of EventBridge starts a pipeline. */
export type StartingEvent =
  | { kind: "schedule"; every: Duration }
  /** A new version of an object. The bucket has to send its events to EventBridge. */
  | { kind: "object"; bucket: pulumi.Input<string>; key: string }
  /** A push to a branch of a CodeCommit repository. */
  | { kind: "branch"; repository: string; branch: string };

/** Arguments of {@link EventStart}. */
export interface EventStartArgs {
  scope: Scope;
  /** Name of the pipeline, and what starts it; part of the rule's physical name. */
  what: string;
  event: StartingEvent;
  /** ARN of the pipeline. */
  pipelineArn: pulumi.Input<string>;
  /** ARN of the role that may start it. */
  roleArn: pulumi.Input<string>;
  /** Changes to the children. */
  transform?: { rule?: Transform<aws.cloudwatch.EventRuleArgs>; target?: Transform<aws.cloudwatch.EventTargetArgs> };
}

/** The resources of an {@link EventStart}. */
export interface EventStartNodes {
  rule: aws.cloudwatch.EventRule;
  target: aws.cloudwatch.EventTarget;
}

/** A rule that starts a pipeline: CodePipeline's own triggers know connections only. */
export class EventStart extends Component<EventStartNodes> {
  readonly nodes: EventStartNodes;

  constructor(name: string, args: EventStartArgs, opts?: pulumi.ComponentResourceOptions) {
    super("delivery:EventStart", name, opts);
    const { scope, what, event, pipelineArn, roleArn, transform = {} } = args;
    const rule = new aws.cloudwatch.EventRule(
      `${name}-rule`,
      transformed(transform.rule, { name: physicalName("eventRule", scope, what), ...ruleOf(event) }),
      this.child(),
    );
    const target = new aws.cloudwatch.EventTarget(
      `${name}-target`,
      transformed(transform.target, { rule: rule.name, arn: pipelineArn, roleArn }),
      this.child(),
    );
    this.nodes = { rule, target };
    this.registerOutputs({});
  }
}

function ruleOf(event: StartingEvent): aws.cloudwatch.EventRuleArgs {
  switch (event.kind) {
    case "schedule":
      return { scheduleExpression: scheduleExpression(event.every) };
    case "object":
      return { eventPattern: objectPattern(event) };
    case "branch":
      return { eventPattern: branchPattern(event) };
  }
}

/** `rate(…)` in the largest whole unit that EventBridge has. */
export function scheduleExpression(every: Duration): string {
  const minutes = Math.max(1, Math.round(toSeconds(every, "every") / 60));
  const [unit, size] = (
    [
      ["day", 1_440],
      ["hour", 60],
      ["minute", 1],
    ] as const
  ).find(([, each]) => minutes % each === 0)!;
  const count = minutes / size;
  return `rate(${count} ${unit}${count === 1 ? "" : "s"})`;
}

function objectPattern({ bucket, key }: { bucket: pulumi.Input<string>; key: string }) {
  const pattern = (name: string) => ({
    source: ["aws.s3"],
    "detail-type": ["Object Created"],
    detail: { bucket: { name: [name] }, object: { key: [key] } },
  });
  return pulumi.output(bucket).apply((name) => JSON.stringify(pattern(name)));
}

function branchPattern({ repository, branch }: { repository: string; branch: string }) {
  return JSON.stringify({
    source: ["aws.codecommit"],
    "detail-type": ["CodeCommit Repository State Change"],
    detail: {
      event: ["referenceCreated", "referenceUpdated"],
      referenceType: ["branch"],
      repositoryName: [repository],
      referenceName: [branch],
    },
  });
}
