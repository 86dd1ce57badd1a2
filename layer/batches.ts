import { DescribeExecutionCommand, type DescribeExecutionCommandOutput } from "@aws-sdk/client-sfn";
import { client } from "./clients";
import { executionArn } from "./executions";

/** What Step Functions knows of a batch's execution; undefined where there is none: it never began, or ended 90 days ago. */
export async function describeBatch(batchId: string): Promise<DescribeExecutionCommandOutput | undefined> {
  try {
    const request = new DescribeExecutionCommand({ executionArn: executionArn(batchId) });
    return await (await client("stepFunctions")).send(request);
  } catch (error) {
    if ((error as Error).name === "ExecutionDoesNotExist") return undefined;
    throw error;
  }
}
