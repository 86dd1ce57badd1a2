import { z } from "zod";
import { PRICES } from "./prices";

/** What one state of an execution used. */
export const usedSchema = z.object({
  /** The function, or the service that the state called. */
  by: z.string(),
  milliseconds: z.number(),
  /** Memory of the function (MB); 0 where it was none. */
  megabytes: z.number().default(0),
  /** Of a Glue job. */
  dpuSeconds: z.number().optional(),
  /** Read by Athena. */
  bytesScanned: z.number().optional(),
});

export type Used = z.infer<typeof usedSchema>;

let began = performance.now();

/** Starts the clock of an invocation. */
export function beginInvocation(): void {
  began = performance.now();
}

/** What this invocation has used so far. */
export function usedNow(): Used {
  const { POWERTOOLS_SERVICE_NAME: by = "function", AWS_LAMBDA_FUNCTION_MEMORY_SIZE: memory } = process.env;
  // Lambda bills whole milliseconds.
  return { by, milliseconds: Math.ceil(performance.now() - began), megabytes: Number(memory ?? 0) };
}

/** Memory of the function that waits for a synchronous execution (MB), as components/lake/functions.ts has it. */
const WAITING_MEGABYTES = 256;

/** States of a Stage B execution that goes well with DuckDB; those of other engines and of further tries are left out. */
const STAGE_B_TRANSITIONS = 5;

/** DynamoDB writes of an object in a stage: two or three items, in transactions, which count twice, and their indexes. */
const WRITES = { A: 8, B: 10 } as const;

/** An execution, as far as it costs. */
export interface Execution {
  stage: "A" | "B";
  /** ISO time. */
  startedAt: string;
  used?: Used[] | undefined;
}

/**
 * What an execution has cost so far, in USD at the prices of prices.ts: time and memory of its functions and jobs, its states,
 * and the function that waits for it. What single objects cost is `objectCost`.
 */
export function executionCost({ stage, startedAt, used = [] }: Execution): number {
  const seconds = Math.max(0, Date.now() - Date.parse(startedAt)) / 1000;
  const perGigabyte = PRICES.lambdaGigabyteSecond[process.arch === "arm64" ? "arm64" : "x86_64"];
  const machine =
    stage === "A"
      ? PRICES.expressRequest +
        (seconds / 16) * PRICES.expressGigabyteSecond +
        (seconds * WAITING_MEGABYTES * perGigabyte) / 1024
      : STAGE_B_TRANSITIONS * PRICES.standardTransition;
  return used.reduce((sum, one) => sum + costOfUse(one, perGigabyte), machine);
}

function costOfUse({ milliseconds, megabytes, dpuSeconds = 0, bytesScanned = 0 }: Used, perGigabyte: number): number {
  const lambda = megabytes > 0 ? PRICES.lambdaRequest + (milliseconds / 1000) * (megabytes / 1024) * perGigabyte : 0;
  return lambda + dpuSeconds * PRICES.glueDpuSecond + bytesScanned * PRICES.athenaByte;
}

/** Bytes that an object counts for at least when an execution's cost is shared: opening it takes as long. */
const LEAST = 64 * 1024;

/**
 * What each object of an execution cost, in USD: its share of the execution by its bytes, its requests to S3, and its writes to
 * the control tables.
 *
 * @param sizes bytes of all objects of the execution
 * @returns the cost of an object of `size` bytes of which `files` files were written
 */
export function objectCost(execution: Execution, sizes: number[]): (size: number, files: number) => number {
  const whole = executionCost(execution);
  const weight = (size: number) => Math.max(LEAST, size);
  const sum = sizes.reduce((total, size) => total + weight(size), 0);
  const writes = WRITES[execution.stage] * PRICES.dynamodbWrite;
  return (size, files) => {
    const share = sum === 0 ? 0 : (whole * weight(size)) / sum;
    return nanodollars(share + PRICES.s3Get + files * PRICES.s3Put + writes) / 1e9;
  };
}

/** A cost in billionths of a dollar: the metrics count in whole ones. */
export function nanodollars(dollars: number): number {
  return Math.round(dollars * 1e9);
}
