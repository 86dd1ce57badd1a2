import { createRequire } from "node:module";
import type * as cloudwatch from "@aws-sdk/client-cloudwatch";
import { doraMetrics, METRICS_NAMESPACE } from "../../components/delivery/metrics";
import type { DoraFigures } from "./figures";

const load = createRequire(__filename);

/** Whose figures they are: the dimensions of the metrics. */
export interface MetricOwner {
  project: string;
  environment: string;
}

/** Figures as CloudWatch takes them; one that there is nothing to say of is left out. */
export function metricData(
  { deployments, leadTime, changeFailureRate, timeToRestore }: DoraFigures,
  { project, environment }: MetricOwner,
  now: Date,
): cloudwatch.MetricDatum[] {
  const values: Record<keyof typeof doraMetrics, number | undefined> = {
    LeadTime: leadTime,
    Deployments: deployments,
    ChangeFailureRate: changeFailureRate === undefined ? undefined : changeFailureRate * 100,
    TimeToRestore: timeToRestore,
  };
  const Dimensions = [
    { Name: "Project", Value: project },
    { Name: "Environment", Value: environment },
  ];
  return Object.entries(values).flatMap(([MetricName, Value]) => {
    const { unit: Unit } = doraMetrics[MetricName as keyof typeof doraMetrics];
    return Value === undefined ? [] : [{ MetricName, Value, Unit, Dimensions, Timestamp: now }];
  });
}

/** Puts figures where the dashboard reads them. */
export async function publishMetrics(
  settings: cloudwatch.CloudWatchClientConfig,
  MetricData: cloudwatch.MetricDatum[],
): Promise<void> {
  const { CloudWatchClient, PutMetricDataCommand } = load("@aws-sdk/client-cloudwatch") as typeof cloudwatch;
  const client = new CloudWatchClient({ maxAttempts: 5, ...settings });
  try {
    await client.send(new PutMetricDataCommand({ Namespace: METRICS_NAMESPACE, MetricData }));
  } finally {
    client.destroy();
  }
}
