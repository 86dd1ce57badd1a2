import { PRICES } from "../../layer/prices";
import { LOGS_BYTE } from "./prices";

/** What objects used on their way through a lake: what AWS counts, and nothing that it gives away. */
export interface FlowUsage {
  /** Objects that came to their outcome. */
  objects: number;
  functions: Record<string, FunctionUsage>;
  /** Stage A: one execution a batch. */
  express: { executions: number; seconds: number };
  /** States that Standard executions entered. */
  standardTransitions: number;
  /** DynamoDB's units: a write of 1 KB, a consistent read of 4 KB; those of transactions count twice. */
  dynamodb: { writeUnits: number; readUnits: number };
  /** Requests of the dear kind (PUT, COPY, POST, LIST) and of the cheap one (GET, HEAD). Deletions are free. */
  s3: { puts: number; gets: number };
  /** Requests, each of up to 64 KB. */
  sqs: { standard: number; fifo: number };
  /** Events that S3 sent to EventBridge. */
  events: number;
  /** Bytes of log entries. */
  logBytes: number;
}

/** What one function used. */
export interface FunctionUsage {
  invocations: number;
  /** Billed milliseconds of all invocations. */
  milliseconds: number;
  /** Configured memory. */
  megabytes: number;
}

/** One line of a bill. */
export interface CostLine {
  what: "functions" | "Stage A's executions" | "Stage B's states" | "tables" | "files" | "queues" | "events" | "logs";
  /** USD for a million objects. */
  usd: number;
}

const MILLION = 1_000_000;

/** An Express execution is billed by 100 ms, and for at least 64 MB. */
const EXPRESS_GIGABYTES = 64 / 1024;

/** The bill of a million objects that go the same way: the lines that make it, in the order of the flow. */
export function flowCosts(usage: FlowUsage): CostLine[] {
  const { express, dynamodb, s3, sqs } = usage;
  const lines: [CostLine["what"], number][] = [
    ["events", usage.events * PRICES.eventBridgeEvent],
    ["queues", sqs.standard * PRICES.sqsStandardRequest + sqs.fifo * PRICES.sqsFifoRequest],
    ["functions", Object.values(usage.functions).reduce((sum, each) => sum + functionCost(each), 0)],
    [
      "Stage A's executions",
      express.executions * PRICES.expressRequest + express.seconds * EXPRESS_GIGABYTES * PRICES.expressGigabyteSecond,
    ],
    ["Stage B's states", usage.standardTransitions * PRICES.standardTransition],
    ["tables", dynamodb.writeUnits * PRICES.dynamodbWrite + dynamodb.readUnits * PRICES.dynamodbRead],
    ["files", s3.puts * PRICES.s3Put + s3.gets * PRICES.s3Get],
    ["logs", usage.logBytes * LOGS_BYTE],
  ];
  return lines.map(([what, usd]) => ({ what, usd: (usd / usage.objects) * MILLION }));
}

/** The sum of a bill's lines, in USD for a million objects. */
export function totalOf(lines: readonly CostLine[]): number {
  return lines.reduce((sum, { usd }) => sum + usd, 0);
}

function functionCost({ invocations, milliseconds, megabytes }: FunctionUsage): number {
  const gigabyteSeconds = (milliseconds / 1000) * (megabytes / 1024);
  return invocations * PRICES.lambdaRequest + gigabyteSeconds * PRICES.lambdaGigabyteSecond.x86_64;
}
