import { z } from "zod";

/** How often a dataset may be compared. */
export const reconcilePeriods = ["1 hour", "6 hours", "12 hours", "1 day", "7 days"] as const;

/** Name of a period. */
export type ReconcilePeriod = (typeof reconcilePeriods)[number];

/** The manifest's `reconcile`. */
export const reconcileSchema = z
  .strictObject({
    every: z
      .enum([...reconcilePeriods, "never"])
      .describe(
        "How often buckets, control tables and Parquet files are compared; what differs is an event `reconciled` and the metric `differences`. Default: 1 day.",
      )
      .default("1 day"),
  })
  .describe("The comparison of what is there with what should be.")
  .default({ every: "1 day" });
