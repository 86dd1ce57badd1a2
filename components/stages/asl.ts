/** An Amazon States Language document, in JSONata. */
export type StateMachineDefinition = Record<string, unknown> & { StartAt: string; States: Record<string, object> };

/** Longest pause before another try (s): what is throttled for longer is better started again by its queue. */
const LONGEST_PAUSE = 20;

/** Faults of Lambda itself, not of the function: worth another try at once; spread, so that what failed together does not come back together. */
export const transient = {
  ErrorEquals: [
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
  ],
  IntervalSeconds: 1,
  MaxAttempts: 3,
  BackoffRate: 2,
  MaxDelaySeconds: LONGEST_PAUSE,
  JitterStrategy: "FULL",
};

/** Errors that say that the input is at fault: another try finds the same. */
const final = { ErrorEquals: ["Rejection", "ParseError"], MaxAttempts: 0 };

/**
 * A state that calls a function with the state's input and answers what the function answers.
 *
 * @param functionArn ARN of the function's alias
 * @param options.partition of the ARN of Step Functions' own Lambda integration
 * @param options.retries how often any error but those of the input is retried; the integration's own faults are retried 3 times
 *   besides
 * @param rest `Next` or `End`, and what else the state has
 */
export function invoke(functionArn: string, options: { partition: string; retries?: number }, rest: object): object {
  const { partition, retries = 0 } = options;
  const { MaxDelaySeconds, JitterStrategy } = transient;
  const pauses = { IntervalSeconds: 2, MaxAttempts: retries, BackoffRate: 2, MaxDelaySeconds, JitterStrategy };
  const anyError = { ErrorEquals: ["States.ALL"], ...pauses };
  return {
    Type: "Task",
    Resource: `arn:${partition}:states:::lambda:invoke`,
    Arguments: { FunctionName: functionArn, Payload: "{% $states.input %}" },
    Output: "{% $states.result.Payload %}",
    Retry: retries > 0 ? [transient, final, anyError] : [transient],
    ...rest,
  };
}
