/** Namespace of the figures that `tributary dora --publish` writes. */
export const METRICS_NAMESPACE = "Tributary/Delivery";

/** The figures, by metric. */
export const doraMetrics = {
  LeadTime: { title: "Lead time: commit to deployed", unit: "Seconds", stat: "Average" },
  Deployments: { title: "Deployments in 30 days", unit: "Count", stat: "Maximum" },
  ChangeFailureRate: { title: "Change failure rate", unit: "Percent", stat: "Average" },
  TimeToRestore: { title: "Time to restore", unit: "Seconds", stat: "Average" },
} as const;
