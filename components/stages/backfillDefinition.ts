import type { StateMachineDefinition } from "./asl";

/** Most objects of a child: with keys of 1,024 bytes each its input stays below the 256 KB of a state. */
const BATCH_OBJECTS = 100;
/** Most bytes of a child's input. */
const BATCH_BYTES = 200_000;
/** Above this share (%) of failing batches something is broken for all, and the run ends. */
const TOLERATED = 10;

/** What is to be tried again: everything, because a batch that is sent twice changes nothing. */
const retry = [
  {
    ErrorEquals: ["States.ALL"],
    IntervalSeconds: 2,
    MaxAttempts: 4,
    BackoffRate: 2,
    MaxDelaySeconds: 30,
    JitterStrategy: "FULL",
  },
];

/** What the definition is made from. */
export interface BackfillOptions {
  partition: string;
  /** Alias ARN of the function `backfill`. */
  functionArn: string;
  /** Bucket whose objects are listed. */
  rawBucket: string;
  /** Where the results of the children go. */
  results: { bucket: string; prefix: string };
  /** Most children at a time: back-pressure for the flow behind. */
  concurrency: number;
  /** Seconds after which a call of the function, and the execution, end. */
  timeouts: { call: number; machine: number };
}

/**
 * A backfill: lists the objects below a prefix, or takes the keys that it was given, and lets the function `backfill` send what
 * has no outcome. Its input is {@link import("../../layer/backfill-messages").BackfillInput}.
 *
 * In JSONPath, which the Distributed Map of the local AWS understands alone.
 */
export function backfillDefinition(options: BackfillOptions): StateMachineDefinition {
  const { timeouts } = options;
  return {
    Comment: "Sends objects that lie in the raw bucket on their way, as if their events had come",
    TimeoutSeconds: timeouts.machine,
    StartAt: "Begin",
    States: {
      Begin: call(options, {
        action: "begin",
        "run.$": "$$.Execution.Name",
        "startedAt.$": "$$.Execution.StartTime",
        "input.$": "$",
      })({ Next: "ListOrNamed" }),
      ...found(options),
      ...end(options),
    },
  };
}

/** What is looked at: the objects that the input names, or all below its prefix. */
function found(options: BackfillOptions): Record<string, object> {
  return {
    ListOrNamed: {
      Type: "Choice",
      Choices: [{ Variable: "$.objects", IsPresent: true, Next: "Named" }],
      Default: "List",
    },
    Named: {
      ...call(options, { action: "named", "request.$": "$.request", "objects.$": "$.objects" })({ Next: "Finish" }),
      OutputPath: "$",
      ResultSelector: { "counts.$": "$.Payload" },
      ResultPath: "$.found",
    },
    List: {
      ...listing(options),
      ItemProcessor: {
        ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "EXPRESS" },
        StartAt: "Register",
        States: { Register: call(options, { action: "register", "input.$": "$" })({ End: true }) },
      },
      ResultSelector: { "counts.$": "$" },
      ResultPath: "$.found",
      Next: "Finish",
    },
  };
}

function listing({ partition, rawBucket, results, concurrency }: BackfillOptions): object {
  return {
    Type: "Map",
    Label: "List",
    ItemReader: {
      Resource: `arn:${partition}:states:::s3:listObjectsV2`,
      Parameters: { Bucket: rawBucket, "Prefix.$": "$.prefix" },
    },
    ItemSelector: { "object.$": "$$.Map.Item.Value", "request.$": "$.request" },
    ItemBatcher: { MaxItemsPerBatch: BATCH_OBJECTS, MaxInputBytesPerBatch: BATCH_BYTES },
    MaxConcurrency: concurrency,
    ToleratedFailurePercentage: TOLERATED,
    ResultWriter: {
      Resource: `arn:${partition}:states:::s3:putObject`,
      Parameters: { Bucket: results.bucket, Prefix: results.prefix },
      // Only what the children answered: their inputs are all keys of the bucket once more.
      WriterConfig: { Transformation: "COMPACT", OutputType: "JSONL" },
    },
  };
}

/** Adds up, and fails where something was not sent. */
function end(options: BackfillOptions): Record<string, object> {
  return {
    Finish: call(options, { action: "finish", "request.$": "$.request", "results.$": "$.found.counts" })({
      Next: "AnyFailed",
    }),
    AnyFailed: {
      Type: "Choice",
      Choices: [{ Variable: "$.failedBatches", NumericGreaterThan: 0, Next: "Incomplete" }],
      Default: "Done",
    },
    Incomplete: {
      Type: "Fail",
      Error: "BackfillIncomplete",
      Cause:
        "Some batches failed to the end and were not sent; the log of the function backfill says why. Start it again: what was sent is left alone.",
    },
    Done: { Type: "Succeed" },
  };
}

/** A call of the function, which answers what the function answers. */
function call({ partition, functionArn, timeouts }: BackfillOptions, payload: object): (rest: object) => object {
  return (rest) => ({
    Type: "Task",
    Resource: `arn:${partition}:states:::lambda:invoke`,
    Parameters: { FunctionName: functionArn, Payload: payload },
    OutputPath: "$.Payload",
    TimeoutSeconds: timeouts.call,
    Retry: retry,
    ...rest,
  });
}
