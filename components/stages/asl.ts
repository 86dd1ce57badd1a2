/** An Amazon States Language document, in JSONata. */
export type StateMachineDefinition = Record<string, unknown> & { StartAt: string; States: Record<string, object> };

/** Faults of Lambda itself, not of the function: worth another try at once. */
const transient = {
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
  JitterStrategy: "FULL",
};

/**
 * A state that calls a function with the state's input and answers what the function answers.
 *
 * @param functionArn ARN of the function's alias
 * @param options.partition of the ARN of Step Functions' own Lambda integration
 * @param options.retries how often any error is retried; the integration's own faults are retried 3 times besides
 * @param rest `Next` or `End`, and what else the state has
 */
export function invoke(functionArn: string, options: { partition: string; retries?: number }, rest: object): object {
  const { partition, retries = 0 } = options;
  const anyError = { ErrorEquals: ["States.ALL"], IntervalSeconds: 2, MaxAttempts: retries, BackoffRate: 2 };
  return {
    Type: "Task",
    Resource: `arn:${partition}:states:::lambda:invoke`,
    Arguments: { FunctionName: functionArn, Payload: "{% $states.input %}" },
    Output: "{% $states.result.Payload %}",
    Retry: retries > 0 ? [transient, anyError] : [transient],
    ...rest,
  };
}
