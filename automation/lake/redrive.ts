import { InvokeCommand } from "@aws-sdk/client-lambda";
import { GetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import { TributaryError } from "../errors";
import type { Progress } from "../events";
import type { Lake } from "./connect";
import { reasonIn } from "./functionError";
import { findDataset, type DatasetName, type DatasetOutputs } from "./outputs";

/** How many objects went back from which dead-letter queue, and how many are in them now. */
export interface RedriveResult {
  redriven: { arrivals: number; a: number; b: number };
  /** Messages that left a dead-letter queue because their objects need nothing any more. */
  dropped: number;
  /** Messages that could not be sent back: they stay, and what follows them in their group. */
  failed: number;
  remaining: number;
}

/** A queue whose failed messages can be redriven. */
export type Stage = keyof RedriveResult["redriven"];

/** What is redriven, and how fast. */
export interface RedriveOptions {
  /** At most so many objects of each queue. */
  max: number;
  /** Only these. @default all */
  stages?: readonly Stage[];
  /** Only the object of this key. */
  object?: string | undefined;
  /** Only what failed with this code. */
  reason?: string | undefined;
  /** Only what failed since then (ms since 1970). */
  since?: number | undefined;
  /** Most messages a second, of each queue. */
  rate?: number | undefined;
}

/** The function that redrives each queue, and which of the dataset's queues that is. */
const redrivers: Record<Stage, { name: string; dlq: (dataset: DatasetOutputs, lake: Lake) => string }> = {
  b: { name: "stage-b-redrive", dlq: (dataset) => dataset.stageBDlqUrl },
  a: { name: "stage-a-redrive", dlq: (dataset) => dataset.stageADlqUrl },
  arrivals: { name: "redrive", dlq: (_, lake) => lake.outputs.arrivalsDlqUrl },
};

/** In this order: what stage A hands over is not taken twice. */
const allStages: readonly Stage[] = ["b", "a", "arrivals"];

/**
 * Sends a dataset's failed objects through their stage again, each at most once: an object that fails again during the
 * redrive is back in its queue and stays there. Stage B goes first, so that what stage A hands over is not taken twice.
 *
 * @throws TributaryError `UnknownDataset`, `RedriveFailed`
 */
export async function redrive(
  lake: Lake,
  name: string,
  options: RedriveOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<RedriveResult> {
  const dataset = findDataset(lake.outputs, name);
  const result: RedriveResult = { redriven: { arrivals: 0, a: 0, b: 0 }, dropped: 0, failed: 0, remaining: 0 };
  for (const stage of allStages.filter((one) => options.stages?.includes(one) ?? true)) {
    if (signal.aborted) break;
    await redriveStage(lake, dataset, stage, { options, result, progress, signal });
  }
  return { ...result, remaining: await remaining(lake, dataset) };
}

interface Work {
  options: RedriveOptions;
  result: RedriveResult;
  progress: Progress;
  signal: AbortSignal;
}

/** As many calls as it takes: one function works for a minute and a half, see `more`. */
async function redriveStage(
  lake: Lake,
  dataset: DatasetName & DatasetOutputs,
  stage: Stage,
  { options, result, progress, signal }: Work,
): Promise<void> {
  const { stages: _, max, ...filter } = options;
  const limit = Math.min(max, await depth(lake, redrivers[stage].dlq(dataset, lake)));
  const { team, dataset: name } = dataset;
  let before: number | undefined;
  while (result.redriven[stage] < limit && !signal.aborted) {
    const request = { team, dataset: name, ...filter, before, max: limit - result.redriven[stage] };
    const answer = await invoke(lake, redrivers[stage].name, request, signal);
    before = answer.before;
    result.redriven[stage] += answer.redriven;
    result.dropped += answer.dropped ?? 0;
    result.failed += answer.failed ?? 0;
    const where = stage === "arrivals" ? "the arrivals" : `stage ${stage.toUpperCase()}`;
    progress(`${result.redriven[stage]} of ${limit} of ${where}`);
    if (!(answer.more ?? answer.redriven > 0)) break;
  }
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

/** What a redrive function answers, as far as the driver looks at it. */
interface Answer {
  redriven: number;
  dropped?: number;
  failed?: number;
  more?: boolean;
  before?: number;
}

async function invoke(lake: Lake, name: string, request: object, abortSignal: AbortSignal): Promise<Answer> {
  const FunctionName = lake.outputs.functions[name];
  if (FunctionName === undefined) throw redriveFailed(name, "the stack outputs do not name it", lake);
  const answer = await lake.lambda.send(new InvokeCommand({ FunctionName, Payload: JSON.stringify(request) }), {
    abortSignal,
  });
  const text = Buffer.from(answer.Payload ?? []).toString("utf8");
  if (answer.FunctionError !== undefined) throw redriveFailed(name, reasonIn(text), lake);
  const found = JSON.parse(text) as Answer;
  if (typeof found.redriven !== "number") throw redriveFailed(name, `it answered ${text.slice(0, 200)}`, lake);
  return found;
}

function redriveFailed(name: string, reason: string, lake: Lake): TributaryError {
  return new TributaryError(`the function ${name} failed: ${reason}`, {
    code: "RedriveFailed",
    source: "cloud",
    next: `its messages are still in the dead-letter queue: mend the cause, tributary deploy ${lake.env}, and redrive again`,
  });
}
