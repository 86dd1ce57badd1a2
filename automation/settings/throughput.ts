import { z } from "zod";
import { type Duration, toSeconds } from "../../components/units";
import { leaf } from "./values";

/** Most invocations at a time that one queue causes; Lambda takes 2 to 1,000 (`ScalingConfig` of an event source mapping). */
const concurrency = leaf<number>(
  (value) => Number.isInteger(value) && value >= 2 && value <= 1_000,
  "a whole number from 2 to 1000",
);

/** How the lake's queues are emptied. */
export const throughputSchema = z.strictObject({
  /** How long arrivals are gathered before they are sent on: longer makes larger batches, which cost less. */
  window: leaf<Duration>(
    (value) => toSeconds(value, "") >= 1 && toSeconds(value, "") <= 300,
    'from "1 second" to "5 minutes"',
  ).default("1 second"),
  /** Without a number, Lambda scales up to the account's quota, and a dataset's queues up to its `lanes`. */
  maximumConcurrency: z
    .strictObject({
      /** Of the arrivals of all datasets. */
      arrivals: concurrency.optional(),
      /** Of each dataset in Stage A. */
      stageA: concurrency.optional(),
      /** Of each dataset in Stage B. */
      stageB: concurrency.optional(),
    })
    .prefault({}),
});
