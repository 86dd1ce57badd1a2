/**
 * What AWS asks for the parts of a lake, in USD: us-east-1, on demand, without free tier and discounts, from the public price
 * pages (aws.amazon.com/<service>/pricing, November 2026). Other regions differ by up to a half.
 */
export const PRICES = {
  /** A second of one GB of a function, by its processor. */
  lambdaGigabyteSecond: { x86_64: 0.0000166667, arm64: 0.0000133334 },
  lambdaRequest: 0.2 / 1e6,
  /** One state of a Standard execution. */
  standardTransition: 0.025 / 1e3,
  expressRequest: 1 / 1e6,
  /** A second of one GB of an Express execution; the smallest is 64 MB. */
  expressGigabyteSecond: 0.00001667,
  /** A write of 1 KB; one in a transaction counts twice. */
  dynamodbWrite: 0.625 / 1e6,
  /** A consistent read of 4 KB. */
  dynamodbRead: 0.125 / 1e6,
  s3Put: 0.005 / 1e3,
  s3Get: 0.0004 / 1e3,
  sqsFifoRequest: 0.5 / 1e6,
  sqsStandardRequest: 0.4 / 1e6,
  eventBridgeEvent: 1 / 1e6,
  /** A data processing unit for a second (Glue Spark, billed by the second from one minute on). */
  glueDpuSecond: 0.44 / 3600,
  /** A byte that Athena reads. */
  athenaByte: 5 / 1e12,
} as const;
