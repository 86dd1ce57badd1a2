import { InvokeCommand } from "@aws-sdk/client-lambda";
import { GetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import { TributaryError } from "../errors";
import type { Progress } from "../events";
import type { Lake } from "./connect";
import { findDataset, type DatasetName, type DatasetOutputs } from "./outputs";

/** How many objects went back from which dead-letter queue, and how many are in them now. */
export interface RedriveResult {
  redriven: { arrivals: number; a: number; b: number };
  remaining: number;
}

type Stage = keyof RedriveResult["redriven"];

/** The function that redrives each queue, and which of the dataset's queues that is. */
const redrivers: Record<Stage, { name: string; dlq: (dataset: DatasetOutputs, lake: Lake) => string }> = {
  b: { name: "stage-b-redrive", dlq: (dataset) => dataset.stageBDlqUrl },
  a: { name: "stage-a-redrive", dlq: (dataset) => dataset.stageADlqUrl },
  arrivals: { name: "redrive", dlq: (_, lake) => lake.outputs.arrivalsDlqUrl },
};

/**
 * Sends a dataset's failed objects through their stage again, each at most once: an object that fails again during the
 * redrive is back in its queue and stays there. Stage B goes first, so that what stage A hands over is not taken twice.
 *
 * @param max at most so many objects of each queue
 * @throws TributaryError `UnknownDataset`, `RedriveFailed`
 */
export async function redrive(
  lake: Lake,
  name: string,
  max: number,
  progress: Progress,
  signal: AbortSignal,
): Promise<RedriveResult> {
  const dataset = findDataset(lake.outputs, name);
  const redriven = { arrivals: 0, a: 0, b: 0 };
  for (const stage of ["b", "a", "arrivals"] as const) {
    const limit = Math.min(max, await depth(lake, redrivers[stage].dlq(dataset, lake)));
    while (redriven[stage] < limit && !signal.aborted) {
      const answer = await invoke(lake, redrivers[stage].name, dataset, limit - redriven[stage]);
      redriven[stage] += answer.redriven;
      progress(
        `${redriven[stage]} of ${limit} of ${stage === "arrivals" ? "the arrivals" : `stage ${stage.toUpperCase()}`}`,
      );
      if (answer.redriven === 0) break;
    }
  }
  return { redriven, remaining: await remaining(lake, dataset) };
}

/** Messages in all dead-letter queues of a dataset; those of the arrivals queue may belong to any dataset. */
export async function remaining(lake: Lake, dataset: DatasetOutputs): Promise<number> {
  const depths = await Promise.all(Object.values(redrivers).map(({ dlq }) => depth(lake, dlq(dataset, lake))));
  return depths.reduce((sum, each) => sum + each, 0);
}

/** Messages in a queue, those in flight included. */
export async function depth(lake: Lake, QueueUrl: string): Promise<number> {
  const { Attributes } = await lake.sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl,
      AttributeNames: [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
      ],
    }),
  );
  return Object.values(Attributes ?? {}).reduce((sum, text) => sum + Number(text ?? 0), 0);
}

async function invoke(
  lake: Lake,
  name: string,
  { team, dataset }: DatasetName,
  max: number,
): Promise<{ redriven: number }> {
  const FunctionName = lake.outputs.functions[name];
  if (FunctionName === undefined) throw redriveFailed(name, "the stack outputs do not name it", lake);
  const answer = await lake.lambda.send(
    new InvokeCommand({ FunctionName, Payload: JSON.stringify({ team, dataset, max }) }),
  );
  const text = Buffer.from(answer.Payload ?? []).toString("utf8");
  if (answer.FunctionError !== undefined) throw redriveFailed(name, reasonIn(text), lake);
  const { redriven } = JSON.parse(text) as { redriven?: unknown };
  if (typeof redriven !== "number") throw redriveFailed(name, `it answered ${text.slice(0, 200)}`, lake);
  return { redriven };
}

function reasonIn(text: string): string {
  try {
    const { errorType, errorMessage } = JSON.parse(text) as { errorType?: string; errorMessage?: string };
    return [errorType, errorMessage].filter(Boolean).join(": ");
  } catch {
    return text.slice(0, 200);
  }
}

function redriveFailed(name: string, reason: string, lake: Lake): TributaryError {
  return new TributaryError(`the function ${name} failed: ${reason}`, {
    code: "RedriveFailed",
    source: "cloud",
    next: `its messages are still in the dead-letter queue: mend the cause, tributary deploy ${lake.env}, and redrive again`,
  });
}
