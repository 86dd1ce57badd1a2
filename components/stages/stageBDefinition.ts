import { invoke, type StateMachineDefinition } from "./asl";
import { STAGE_B_TRIES } from "./timings";

/** Alias ARNs of Stage B's functions. */
export interface StageBFunctions<Arn = string> {
  processData: Arn;
  checkJob: Arn;
  crawlData: Arn;
  postUpdate: Arn;
  error: Arn;
}

/** How often Error is tried again: without it a batch would end without outcomes. */
const ERROR_RETRIES = 6;

/**
 * Stage B for one batch: ProcessData, CheckJob until the job is done, CrawlData, PostUpdate and, when any object failed,
 * Error. What the states pass to each other stands in docs/architecture.md. A state that still throws after its retries
 * leads to Error with all objects, the error in `cause`: no batch ends without outcomes.
 *
 * @param options.timeout seconds after which the execution ends
 * @param options.poll seconds between two looks at a job that still runs
 */
export function stageBDefinition(
  functions: StageBFunctions,
  options: { partition: string; timeout: number; poll: number },
): StateMachineDefinition {
  const step = (functionArn: string, next: string) =>
    invoke(functionArn, { ...options, retries: STAGE_B_TRIES - 1 }, { Catch: [toError], Next: next });
  return {
    Comment: "Stage B: a batch's CSV becomes the Parquet files of its table",
    QueryLanguage: "JSONata",
    TimeoutSeconds: options.timeout,
    StartAt: "ProcessData",
    States: {
      ProcessData: step(functions.processData, "CheckJob"),
      CheckJob: step(functions.checkJob, "JobDone"),
      JobDone: jobDone,
      WaitForJob: { Type: "Wait", Seconds: options.poll, Next: "CheckJob" },
      JobFailed: jobFailed,
      CrawlData: step(functions.crawlData, "PostUpdate"),
      PostUpdate: step(functions.postUpdate, "AnyFailed"),
      AnyFailed: anyFailed,
      Error: invoke(functions.error, { ...options, retries: ERROR_RETRIES }, { Next: "Done" }),
      Done: { Type: "Succeed" },
    },
  };
}

/** Whatever a state throws in the end: the whole batch goes to Error. */
const toError = {
  ErrorEquals: ["States.ALL"],
  Output: '{% $merge([$states.input, {"cause": $states.errorOutput}]) %}',
  Next: "Error",
};

const jobDone = {
  Type: "Choice",
  Choices: [
    { Condition: '{% $states.input.job.status = "RUNNING" %}', Next: "WaitForJob" },
    { Condition: '{% $states.input.job.status = "FAILED" %}', Next: "JobFailed" },
  ],
  Default: "CrawlData",
};

const jobFailed = {
  Type: "Pass",
  Output: '{% $merge([$states.input, {"cause": {"Error": "JobFailed", "Cause": $string($states.input.job)}}]) %}',
  Next: "Error",
};

const anyFailed = {
  Type: "Choice",
  Choices: [{ Condition: "{% $states.input.failedCount > 0 %}", Next: "Error" }],
  Default: "Done",
};
