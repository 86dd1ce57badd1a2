import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import { Component, type Transform, transformed } from "../Component";
import { physicalName, type Scope } from "../scope";
import { doraMetrics, METRICS_NAMESPACE } from "./metrics";

/** Arguments of {@link DeliveryDashboard}. */
export interface DeliveryDashboardArgs {
  scope: Scope;
  /** Environments whose figures are shown. */
  environments: readonly string[];
  /** Changes to the dashboard. */
  transform?: Transform<aws.cloudwatch.DashboardArgs>;
}

/** Lead time, deployment frequency, change failure rate and time to restore of all environments, from the deployment records. */
export class DeliveryDashboard extends Component<{ dashboard: aws.cloudwatch.Dashboard }> {
  readonly nodes: { dashboard: aws.cloudwatch.Dashboard };
  /** The dashboard's name. */
  readonly dashboardName: pulumi.Output<string>;

  constructor(name: string, args: DeliveryDashboardArgs, opts?: pulumi.ComponentResourceOptions) {
    super("delivery:DeliveryDashboard", name, opts);
    const { scope, environments } = args;
    const dashboard = new aws.cloudwatch.Dashboard(
      `${name}-dashboard`,
      transformed(args.transform, {
        dashboardName: physicalName("dashboard", scope, "delivery"),
        dashboardBody: dashboardBody(scope, environments),
      }),
      this.child(),
    );
    this.dashboardName = dashboard.dashboardName;
    this.nodes = { dashboard };
    this.registerOutputs({ dashboardName: this.dashboardName });
  }
}

/** The dashboard's JSON: a graph for each figure, a line for each environment. */
export function dashboardBody({ project, region }: Scope, environments: readonly string[]): string {
  const widgets = Object.entries(doraMetrics).map(([metric, { title, stat }], index) => ({
    type: "metric",
    x: (index % 2) * 12,
    y: Math.floor(index / 2) * 6,
    width: 12,
    height: 6,
    properties: {
      title,
      region,
      stat,
      period: 86_400,
      view: "timeSeries",
      metrics: environments.map((env) => [METRICS_NAMESPACE, metric, "Project", project, "Environment", env]),
    },
  }));
  return JSON.stringify({ widgets });
}
