import { env } from "./config";

/** The ARN of a batch's execution, which has the batch's name. */
export function executionArn(batchId: string): string {
  return `${env("STAGE_B_STATE_MACHINE_ARN").replace(":stateMachine:", ":execution:")}:${batchId}`;
}
