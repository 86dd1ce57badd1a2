import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import type { Manifest } from "../../layer/manifest-schema";
import { type ReconcilePeriod, reconcilePeriods } from "../../layer/manifest/reconcile";
import { Component, type Transform, transformed } from "../Component";
import type { ContainerFunction } from "../compute/ContainerFunction";
import { ServiceRole, type ServiceRoleArgs } from "../compute/ServiceRole";
import { physicalName, type Scope } from "../scope";
import { toSeconds } from "../units";

/** Arguments of {@link ReconcileSchedules}. */
export interface ReconcileSchedulesArgs {
  scope: Scope;
  /** The datasets. */
  manifests: readonly Manifest[];
  /** What compares them. */
  function: ContainerFunction;
  /** Changes to the children. */
  transform?: { schedule?: Transform<aws.scheduler.ScheduleArgs>; role?: ServiceRoleArgs["transform"] };
}

/** The parts of {@link ReconcileSchedules}. */
export interface ReconcileSchedulesNodes {
  schedules: aws.scheduler.Schedule[];
  /** Missing where no dataset is to be compared. */
  role?: ServiceRole;
}

/** Rows are counted of what changed since the last time, and a little before it (s). */
const OVERLAP = 3_600;

/**
 * Has datasets compared with their control tables: one schedule for each period that manifests ask for, with the list of its
 * datasets, so that their number is that of the periods and not of the datasets.
 */
export class ReconcileSchedules extends Component<ReconcileSchedulesNodes> {
  readonly nodes: ReconcileSchedulesNodes;

  constructor(
    private readonly logicalName: string,
    private readonly args: ReconcileSchedulesArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("stages:ReconcileSchedules", logicalName, opts);
    const periods = reconcilePeriods.filter((period) => this.datasets(period).length > 0);
    const role = periods.length === 0 ? undefined : this.role();
    this.nodes = {
      schedules: role ? periods.map((period) => this.schedule(period, role)) : [],
      ...(role && { role }),
    };
    this.registerOutputs({});
  }

  private role(): ServiceRole {
    const { scope, transform, function: target } = this.args;
    const role = new ServiceRole(
      this.logicalName,
      { scope, what: "reconcile-schedules", service: "scheduler", transform: transform?.role },
      this.child(),
    );
    target.grantInvoke(role);
    return role;
  }

  private schedule(every: ReconcilePeriod, role: ServiceRole): aws.scheduler.Schedule {
    const { scope, transform, function: target } = this.args;
    const name = every.replace(" ", "-");
    const rowsWithin = toSeconds(every, "reconcile.every") + OVERLAP;
    return new aws.scheduler.Schedule(
      `${this.logicalName}-${name}`,
      transformed(transform?.schedule, {
        name: physicalName("schedule", scope, `reconcile-${name}`),
        description: `Compares datasets with their control tables every ${every}`,
        scheduleExpression: `rate(${every})`,
        // Nobody waits for it: the lakes of an account need not all begin at once.
        flexibleTimeWindow: { mode: "FLEXIBLE", maximumWindowInMinutes: 15 },
        target: {
          arn: target.aliasArn,
          roleArn: role.arn,
          input: JSON.stringify({ datasets: this.datasets(every), rowsWithin }),
          // What one time misses, the next one finds.
          retryPolicy: { maximumEventAgeInSeconds: 900, maximumRetryAttempts: 3 },
        },
      }),
      // A schedule that fires at once needs its permissions.
      this.child({ dependsOn: role.policy }),
    );
  }

  private datasets(period: ReconcilePeriod): string[] {
    return this.args.manifests
      .filter(({ reconcile }) => reconcile.every === period)
      .map(({ team, dataset }) => `${team}/${dataset}`)
      .sort();
  }
}
