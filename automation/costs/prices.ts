/**
 * A byte of log entries, in USD: us-east-1, standard class, the first 10 TB a month
 * (https://aws.amazon.com/cloudwatch/pricing/, November 2026). The other prices of a lake's flow are in layer/prices.ts,
 * because functions count with them, too.
 */
export const LOGS_BYTE = 0.5 / 1e9;
