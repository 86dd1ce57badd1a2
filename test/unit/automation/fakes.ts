import { TributaryError } from "../../../automation/errors";
import type { Lake } from "../../../automation/lake/connect";
import type { LakeOutputs } from "../../../automation/lake/outputs";

/** For assert.throws and assert.rejects: a TributaryError of that code whose message fits. */
export const code =
  (expected: string, text = /./) =>
  (error: unknown): boolean =>
    error instanceof TributaryError && error.code === expected && text.test(error.message);

const dataset = { table: "m", stageAQueueUrl: "a", stageADlqUrl: "a-dlq", stageBQueueUrl: "b", stageBDlqUrl: "b-dlq" };
/** Outputs of a whole lake. */
export const outputs = {
  rawBucket: "raw",
  stageBucket: "stage",
  analyticsBucket: "analytics",
  objectMetadataTable: "metadata",
  executionHistoryTable: "history",
  datasetsTable: "datasets",
  metricsTable: "metrics",
  eventsTable: "events",
  artifactsTable: "artifacts",
  dataSchemasTable: "schemas",
  database: "db",
  workgroup: "wg",
  arrivalsQueueUrl: "arrivals",
  arrivalsDlqUrl: "arrivals-dlq",
  backfillStateMachineArn: "arn:backfill",
  functions: { redrive: "arn:r", "stage-a-redrive": "arn:a", "stage-b-redrive": "arn:b" },
  datasets: { "engineering/meteorites": dataset },
  region: "eu-west-1",
  account: "1",
} satisfies LakeOutputs;

/** A lake whose clients answer from a function; records every request. */
export function fakeLake(answer: (name: string, input: Record<string, unknown>) => unknown): {
  lake: Lake;
  asked: string[];
} {
  const asked: string[] = [];
  const client = {
    send: async (command: { constructor: { name: string }; input: Record<string, unknown> }) => {
      asked.push(command.constructor.name);
      return answer(command.constructor.name, command.input);
    },
  };
  return {
    asked,
    lake: {
      env: "local",
      local: true,
      outputs,
      s3: client,
      sqs: client,
      lambda: client,
      dynamodb: client,
      stepFunctions: client,
      athena: client,
    } as unknown as Lake,
  };
}
