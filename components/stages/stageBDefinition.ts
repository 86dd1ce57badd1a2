import { invoke, type StateMachineDefinition } from "./asl";
import { athenaState, engineChoice, glueStates, staleStates, type StageBEngines } from "./engineStates";
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
 * Stage B for one batch: the work of its engine, CrawlData, PostUpdate and, when any object failed, Error. DuckDB works in
 * ProcessData; Glue and Athena are waited for by Step Functions itself, so nothing polls. What the states pass to each other
 * stands in docs/architecture.md. A state that still throws after its retries leads to Error with all objects, the error in
 * `cause`: no batch ends without outcomes.
 *
 * @param options.timeout seconds after which the execution ends
 * @param options.engines those besides DuckDB that datasets of the lake use
 */
export function stageBDefinition(
  functions: StageBFunctions,
  options: { partition: string; timeout: number; engines?: StageBEngines },
): StateMachineDefinition {
  const { partition, engines = {} } = options;
  const { glue, athena, iceberg } = engines;
  const retries = STAGE_B_TRIES - 1;
  const step = (functionArn: string, next: string) =>
    invoke(functionArn, { partition, retries }, { Catch: [toError], Next: next });
  const parts = { checkJob: functions.checkJob, partition, retries, toError };
  const elsewhere = glue !== undefined || athena !== undefined;
  return {
    Comment: "Stage B: a batch's CSV becomes the rows of its table",
    QueryLanguage: "JSONata",
    TimeoutSeconds: options.timeout,
    StartAt: elsewhere ? "Engine" : "ProcessData",
    States: {
      ...(elsewhere && { Engine: engineChoice(engines) }),
      ProcessData: step(functions.processData, "CrawlData"),
      ...(glue && glueStates(glue, parts, "CrawlData")),
      ...(athena && { Athena: athenaState(athena, parts, "CrawlData") }),
      CrawlData: step(functions.crawlData, "PostUpdate"),
      PostUpdate: step(functions.postUpdate, "AnyFailed"),
      AnyFailed: anyFailed(iceberg ? "AnyStale" : "Done"),
      Error: invoke(functions.error, { partition, retries: ERROR_RETRIES }, iceberg ? thenStale : { Next: "Done" }),
      ...(iceberg && staleStates(iceberg, parts, "Done")),
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

function anyFailed(next: string): object {
  return {
    Type: "Choice",
    Choices: [{ Condition: "{% $states.input.failedCount > 0 %}", Next: "Error" }],
    Default: next,
  };
}

/** What is still to be done is in the input of Error, not in its answer. */
const thenStale = { Output: "{% $merge([$states.input, $states.result.Payload]) %}", Next: "AnyStale" };
