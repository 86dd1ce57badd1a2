import { invoke } from "./asl";
import { STALE_TRIES } from "./timings";

/** What Stage B's definition needs of the engines that work elsewhere; only those that a dataset of the lake uses. */
export interface StageBEngines {
  glue?: {
    /** Name of the job. */
    job: string;
    /** Seconds that Step Functions waits for a run beyond the run's own timeout: starting workers, and looking. */
    margin: number;
  };
  athena?: {
    workgroup: string;
    /** Where names without a database are looked for. */
    database: string;
    /** Objects of a batch at the same time. */
    objects: number;
    /** Seconds after which a query is given up. */
    timeout: number;
  };
  /** Where stale rows of Iceberg tables are removed, whatever engine writes these. */
  iceberg?: {
    workgroup: string;
    database: string;
    /** Seconds after which the removal is given up. */
    timeout: number;
  };
}

/** What every part of Stage B is made with. */
export interface Parts {
  /** Alias ARN of the function that knows what to ask of the engines. */
  checkJob: string;
  partition: string;
  /** How often a function is tried again. */
  retries: number;
  /** Where a state that still throws after its retries leads. */
  toError: object;
}

/** The first state: which engine does the work. Only where there is more than DuckDB. */
export function engineChoice({ glue, athena }: StageBEngines): object {
  const choice = (engine: string, Next: string) => ({ Condition: `{% $states.input.engine = "${engine}" %}`, Next });
  return {
    Type: "Choice",
    Choices: [...(glue ? [choice("glue", "PrepareJob")] : []), ...(athena ? [choice("athena", "Athena")] : [])],
    Default: "ProcessData",
  };
}

/** A run of the Glue job, which Step Functions waits for; the functions before and after it only write and read files. */
export function glueStates(
  glue: NonNullable<StageBEngines["glue"]>,
  parts: Parts,
  next: string,
): Record<string, object> {
  const step = (name: "prepare" | "collect", Next: string) =>
    invoke(parts.checkJob, parts, {
      Arguments: { FunctionName: parts.checkJob, Payload: `{% $merge([$states.input, {"step": "${name}"}]) %}` },
      Catch: [parts.toError],
      Next,
    });
  return { PrepareJob: step("prepare", "RunJob"), RunJob: runJob(glue, parts), CollectJob: step("collect", next) };
}

function runJob({ job, margin }: NonNullable<StageBEngines["glue"]>, { partition }: Parts): object {
  const run = (fields: string) =>
    `{% $merge([$states.input, {"glue": $merge([$states.input.glue, {"run": {${fields}}}])}]) %}`;
  const failed = run('"error": $states.errorOutput.Error, "cause": $states.errorOutput.Cause');
  // DPUSeconds is there only where a job scales by itself.
  const dpuSeconds =
    "$exists($states.result.DPUSeconds) ? $states.result.DPUSeconds : $states.result.MaxCapacity * $states.result.ExecutionTime";
  return {
    Type: "Task",
    Resource: `arn:${partition}:states:::glue:startJobRun.sync`,
    Arguments: {
      JobName: job,
      Arguments: { "--request": "{% $states.input.glue.request %}", "--result": "{% $states.input.glue.result %}" },
      WorkerType: "{% $states.input.glue.workerType %}",
      NumberOfWorkers: "{% $states.input.glue.workers %}",
      Timeout: "{% $states.input.glue.timeout %}",
    },
    TimeoutSeconds: `{% $states.input.glue.timeout * 60 + ${margin} %}`,
    Retry: [busyGlue, failedOnce],
    Output: run(`"id": $states.result.Id, "seconds": $states.result.ExecutionTime, "dpuSeconds": ${dpuSeconds}`),
    Catch: [{ ErrorEquals: ["States.ALL"], Output: failed, Next: "CollectJob" }],
    Next: "CollectJob",
  };
}

/** Runs that are too many at the same time, or throttled, wait for their turn: up to about eight hours. */
const busyGlue = {
  ErrorEquals: [
    "Glue.ConcurrentRunsExceededException",
    "Glue.ThrottlingException",
    "Glue.ResourceNumberLimitExceededException",
  ],
  IntervalSeconds: 30,
  MaxAttempts: 60,
  BackoffRate: 2,
  MaxDelaySeconds: 600,
  JitterStrategy: "FULL",
};

/** A run that failed is tried once more: what the data or the SQL are at fault for, the job tells in its result. */
const failedOnce = { ErrorEquals: ["States.TaskFailed"], IntervalSeconds: 60, MaxAttempts: 1, JitterStrategy: "FULL" };

/**
 * Athena works on the objects of a batch, query by query: a function tells the next one, Step Functions runs it and waits. On
 * an Iceberg table one at a time: commits that come together would be refused.
 */
export function athenaState(athena: NonNullable<StageBEngines["athena"]>, parts: Parts, next: string): object {
  return {
    Type: "Map",
    Items: "{% $states.input.items %}",
    MaxConcurrency: `{% $states.input.format = "iceberg" ? 1 : ${athena.objects} %}`,
    ItemSelector: {
      step: "athena",
      team: "{% $states.input.team %}",
      dataset: "{% $states.input.dataset %}",
      batchId: "{% $states.input.batchId %}",
      item: "{% $states.context.Map.Item.Value %}",
    },
    ItemProcessor: {
      ProcessorConfig: { Mode: "INLINE" },
      StartAt: "NextQuery",
      States: {
        NextQuery: invoke(parts.checkJob, parts, { Next: "AnyQuery" }),
        AnyQuery: {
          Type: "Choice",
          Choices: [{ Condition: "{% $exists($states.input.query) %}", Next: "RunQuery" }],
          Default: "Answered",
        },
        RunQuery: runQuery(athena, parts),
        Answered: { Type: "Pass", End: true },
      },
    },
    Output: `{% $merge([$states.input, {${collected}}]) %}`,
    Catch: [parts.toError],
    Next: next,
  };
}

/** Lists, also of none and of one. */
const collected = [
  '"processed": [$states.result.processed]',
  '"failed": [$states.result.failed]',
  '"failedCount": $count($states.result.failed)',
  '"used": [$states.input.used, $states.result.used]',
].join(", ");

function runQuery(
  { workgroup, database, timeout }: NonNullable<StageBEngines["athena"]>,
  { partition }: Parts,
): object {
  const finished = (fields: string) => `{% $merge([$states.input, {"finished": {${fields}}}]) %}`;
  const statistics = "$states.result.QueryExecution.Statistics";
  return {
    Type: "Task",
    Resource: `arn:${partition}:states:::athena:startQueryExecution.sync`,
    Arguments: {
      QueryString: "{% $states.input.query.sql %}",
      // Athena runs a query once, however often it is asked for with the same token.
      ClientRequestToken: "{% $states.input.query.token %}",
      WorkGroup: workgroup,
      QueryExecutionContext: { Database: database },
    },
    TimeoutSeconds: timeout,
    Retry: [busyAthena],
    Output: finished(
      `"id": $states.result.QueryExecution.QueryExecutionId, "milliseconds": ${statistics}.TotalExecutionTimeInMillis, "bytesScanned": ${statistics}.DataScannedInBytes`,
    ),
    Catch: [
      {
        ErrorEquals: ["States.ALL"],
        Output: finished('"error": $states.errorOutput.Error, "cause": $states.errorOutput.Cause'),
        Next: "NextQuery",
      },
    ],
    Next: "NextQuery",
  };
}

/**
 * Removes from Iceberg tables what came after the rows that replace it, when versions of a key were committed side by side. It
 * comes last, when all objects have their outcomes: where it fails to the end, the execution fails, and Step Functions can
 * redrive it from here.
 */
export function staleStates(
  { workgroup, database, timeout }: NonNullable<StageBEngines["iceberg"]>,
  { partition }: Pick<Parts, "partition">,
  next: string,
): Record<string, object> {
  return {
    AnyStale: {
      Type: "Choice",
      Choices: [{ Condition: "{% $exists($states.input.stale) %}", Next: "RemoveStale" }],
      Default: next,
    },
    RemoveStale: {
      Type: "Task",
      Resource: `arn:${partition}:states:::athena:startQueryExecution.sync`,
      Arguments: {
        QueryString: "{% $states.input.stale.sql %}",
        WorkGroup: workgroup,
        QueryExecutionContext: { Database: database },
      },
      TimeoutSeconds: timeout,
      Retry: [busyAthena, refusedCommit],
      Output: "{% $states.input %}",
      Next: next,
    },
  };
}

/** Another commit to the table came first, or the service failed. */
const refusedCommit = {
  ErrorEquals: ["States.TaskFailed", "States.Timeout"],
  IntervalSeconds: 10,
  MaxAttempts: STALE_TRIES - 1,
  BackoffRate: 3,
  MaxDelaySeconds: 120,
  JitterStrategy: "FULL",
};

const busyAthena = {
  ErrorEquals: ["Athena.TooManyRequestsException", "Athena.InternalServerException", "Athena.AmazonAthenaException"],
  IntervalSeconds: 5,
  MaxAttempts: 8,
  BackoffRate: 2,
  MaxDelaySeconds: 120,
  JitterStrategy: "FULL",
};
