import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import type { Manifest } from "../../layer/manifest-schema";
import { Component, type Transform, transformed } from "../Component";
import { ServiceRole, type ServiceRoleArgs } from "../compute/ServiceRole";
import { denyWithoutTls } from "../iam";
import { arn, physicalName, type Scope } from "../scope";
import { DLQ_RETENTION } from "../stages/Queue";
import type { StateMachine } from "../stages/StateMachine";
import { toSeconds } from "../units";

/** A dataset whose manifest has a schedule. */
export type ScheduledManifest = Pick<Manifest, "team" | "dataset"> & { triggers: { schedule: string } };

/** Arguments of {@link Schedules}. */
export interface SchedulesArgs {
  scope: Scope;
  /** The datasets. */
  manifests: readonly ScheduledManifest[];
  /** What a schedule starts. */
  machine: StateMachine<string>;
  /** Changes to the children. */
  transform?: {
    schedule?: Transform<aws.scheduler.ScheduleArgs>;
    dlq?: Transform<aws.sqs.QueueArgs>;
    role?: ServiceRoleArgs["transform"];
  };
}

/** The parts of {@link Schedules}. */
export interface SchedulesNodes {
  schedules: aws.scheduler.Schedule[];
  /** Starts that Step Functions did not take in all tries. */
  dlq: aws.sqs.Queue;
  role: ServiceRole;
}

/** How long a start is tried, and how often. */
const RETRIES = { maximumEventAgeInSeconds: 3_600, maximumRetryAttempts: 20 };

/**
 * Schedules that look for objects without an outcome, one for each dataset whose manifest has one. They share a role that may start
 * that machine and nothing else, and a DLQ. What a lost start would have found, the next one finds.
 */
export class Schedules extends Component<SchedulesNodes> {
  readonly nodes: SchedulesNodes;

  constructor(
    private readonly logicalName: string,
    private readonly args: SchedulesArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("triggers:Schedules", logicalName, opts);
    const { scope, machine, manifests, transform } = args;
    const role = new ServiceRole(
      logicalName,
      { scope, what: "schedules", service: "scheduler", transform: transform?.role },
      this.child(),
    );
    const name = physicalName("sqsQueue", scope, "schedules-dlq");
    const dlqArn = arn(scope, "sqs", name);
    const dlq = new aws.sqs.Queue(
      `${logicalName}-dlq`,
      transformed(transform?.dlq, {
        name,
        sqsManagedSseEnabled: true,
        messageRetentionSeconds: toSeconds(DLQ_RETENTION, "DLQ_RETENTION"),
        policy: JSON.stringify({ Version: "2012-10-17", Statement: [denyWithoutTls("sqs", [dlqArn])] }),
      }),
      this.child(),
    );
    machine.grantStart(role, "async");
    role.addStatements({ actions: ["sqs:SendMessage"], resources: [dlqArn] });
    const schedules = manifests.map((manifest) => this.schedule(manifest, role, dlq));
    this.nodes = { schedules, dlq, role };
    this.registerOutputs({});
  }

  private schedule({ team, dataset, triggers }: ScheduledManifest, role: ServiceRole, dlq: aws.sqs.Queue) {
    const { scope, machine, transform } = this.args;
    return new aws.scheduler.Schedule(
      `${this.logicalName}-${team}-${dataset}`,
      transformed(transform?.schedule, {
        name: physicalName("schedule", scope, `${team}-${dataset}`),
        description: `Objects of ${team}/${dataset} without an outcome`,
        scheduleExpression: triggers.schedule,
        flexibleTimeWindow: { mode: "OFF" },
        target: {
          arn: machine.arn,
          roleArn: role.arn,
          input: JSON.stringify({ team, dataset, origin: "schedule" }),
          deadLetterConfig: { arn: dlq.arn },
          retryPolicy: RETRIES,
        },
      }),
      // A schedule that fires at once needs its permissions.
      this.child({ dependsOn: role.policy }),
    );
  }
}
