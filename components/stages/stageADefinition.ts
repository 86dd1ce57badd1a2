import { invoke, type StateMachineDefinition } from "./asl";

/** Alias ARNs of Stage A's functions. */
export interface StageAFunctions<Arn = string> {
  preUpdate: Arn;
  process: Arn;
  postUpdate: Arn;
  error: Arn;
}

/** The longest text of a caught error that is recorded. */
const MESSAGE = 1_000;

/** What becomes of an object whose processing broke off: one failure, final only when it was the last attempt. */
const crashed = {
  items: "{% $states.input.items %}",
  outcomes: [],
  processed: [],
  failed: `{% [$states.input.items.{
    "item": $,
    "error": {
      "code": "ProcessCrashed",
      "message": $substring($states.errorOutput.Error & ": " & $states.errorOutput.Cause, 0, ${MESSAGE})
    },
    "final": lastAttempt
  }] %}`.replace(/\s+/g, " "),
  failedCount: "{% $count($states.input.items) %}",
};

/**
 * Stage A for up to ten objects: PreUpdate, Process, PostUpdate and, when any failed, Error. What the states pass to each
 * other stands in docs/architecture.md. When Process as a whole breaks off, each object is processed alone, so that one
 * object cannot take the others along.
 *
 * @param timeout seconds after which the execution ends
 */
export function stageADefinition(
  functions: StageAFunctions,
  options: { partition: string; timeout: number },
): StateMachineDefinition {
  return {
    Comment: "Stage A: JSON objects become CSV and are handed over to Stage B",
    QueryLanguage: "JSONata",
    TimeoutSeconds: options.timeout,
    StartAt: "PreUpdate",
    States: {
      PreUpdate: invoke(functions.preUpdate, options, {
        // An Express execution is found by its ARN in the log, and nowhere else: the history keeps it.
        Arguments: {
          FunctionName: functions.preUpdate,
          Payload: '{% $merge([$states.input, {"executionArn": $states.context.Execution.Id}]) %}',
        },
        Next: "AnythingToDo",
      }),
      AnythingToDo: {
        Type: "Choice",
        Choices: [{ Condition: "{% $count($states.input.items) > 0 %}", Next: "Process" }],
        Default: "Done",
      },
      Process: invoke(functions.process, options, {
        Catch: [{ ErrorEquals: ["States.ALL"], Output: "{% $states.input %}", Next: "ProcessEachAlone" }],
        Next: "PostUpdate",
      }),
      ProcessEachAlone: processEachAlone(functions, options),
      PostUpdate: invoke(functions.postUpdate, options, { Next: "AnyFailed" }),
      AnyFailed: {
        Type: "Choice",
        Choices: [{ Condition: "{% $states.input.failedCount > 0 %}", Next: "Error" }],
        Default: "Done",
      },
      Error: invoke(functions.error, options, { Next: "Done" }),
      Done: { Type: "Succeed", Output: { outcomes: "{% [$states.input.outcomes] %}" } },
    },
  };
}

function processEachAlone(functions: StageAFunctions, options: { partition: string }): object {
  return {
    Type: "Map",
    Items: "{% $states.input.items %}",
    ItemSelector: { items: "{% [$states.context.Map.Item.Value] %}", outcomes: [] },
    ItemProcessor: {
      ProcessorConfig: { Mode: "INLINE" },
      StartAt: "ProcessAlone",
      States: {
        ProcessAlone: invoke(functions.process, options, {
          Catch: [{ ErrorEquals: ["States.ALL"], Output: crashed, Next: "Crashed" }],
          End: true,
        }),
        Crashed: { Type: "Pass", End: true },
      },
    },
    Output: {
      items: "{% [$states.input.items] %}",
      outcomes: "{% [$states.input.outcomes, $states.result.outcomes] %}",
      processed: "{% [$states.result.processed] %}",
      failed: "{% [$states.result.failed] %}",
      failedCount: "{% $count($states.result.failed) %}",
      executionArn: "{% $states.context.Execution.Id %}",
      used: "{% [$states.input.used, $states.result.used] %}",
    },
    Next: "PostUpdate",
  };
}
