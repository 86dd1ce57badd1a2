import { userError } from "../errors";
import type { Values } from "../cli/specification";
import { step } from "../events";
import { withLake, type Lake } from "../lake/connect";
import { failedVersions } from "../lake/history";
import { momentOf } from "../lake/moment";
import { keyOf } from "../lake/objectKey";
import { findDataset } from "../lake/outputs";
import { redrive, remaining, type RedriveOptions, type RedriveResult, type Stage } from "../lake/redrive";
import { waitUntilSettled } from "../lake/settle";
import { findEnvironment } from "../stacks/environments";
import type { CommandContext, Outcome } from "./context";

const stages: readonly string[] = ["arrivals", "a", "b"] satisfies Stage[];

/** `tributary redrive <env> <dataset>` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const environment = findEnvironment(context.root, String(values.env));
  const dataset = String(values.dataset);
  const chosen = optionsOf(values);
  const result = await withLake(context.root, environment, async (lake) => {
    findDataset(lake.outputs, dataset);
    const options = { ...chosen, object: objectOf(values, dataset, lake) };
    const before = values.wait === true ? await failedVersions(lake, dataset) : [];
    const redriven = await step(context.sink, `Redrive ${dataset}`, (progress) =>
      redrive(lake, dataset, options, progress, context.signal),
    );
    if (values.wait !== true) return redriven;
    await step(context.sink, "Wait for the outcomes", (progress) =>
      waitUntilSettled(lake, dataset, before, { timeout: Number(values.timeout), signal: context.signal, progress }),
    );
    return { ...redriven, remaining: await left(lake, dataset) };
  });
  return { document: result, text: describe(result, environment.name), exitCode: result.failed > 0 ? 1 : 0 };
}

function optionsOf(values: Values): RedriveOptions {
  return {
    max: Number(values.max),
    ...(typeof values.stage === "string" && { stages: [stageOf(values.stage)] }),
    ...(typeof values.reason === "string" && { reason: values.reason }),
    ...(typeof values.since === "string" && { since: momentOf(values.since, "--since") }),
    ...(typeof values.rate === "number" && { rate: values.rate }),
  };
}

function stageOf(text: string): Stage {
  if (stages.includes(text)) return text as Stage;
  throw userError(
    "InvalidStage",
    `--stage: found ${JSON.stringify(text)}; allowed: ${stages.join(", ")}`,
    "leave it out to redrive all of them",
  );
}

function objectOf({ object }: Values, dataset: string, lake: Lake): string | undefined {
  return typeof object === "string" ? keyOf(object, lake.outputs.rawBucket, dataset) : undefined;
}

function left(lake: Lake, dataset: string): Promise<number> {
  return remaining(lake, findDataset(lake.outputs, dataset));
}

function describe(
  { redriven: { arrivals, a, b }, dropped, failed, remaining: rest }: RedriveResult,
  env: string,
): string {
  const lines = [
    `redriven: ${arrivals} arrivals, ${a} in stage A, ${b} in stage B; ${rest} left in the dead-letter queues`,
    ...(dropped > 0 ? [`${dropped} messages were dropped: their objects have another outcome already`] : []),
    ...(failed > 0 ? [`${failed} messages could not be sent back and stay: run the command again`] : []),
    ...(rest > 0 ? [`tributary executions ${env} --failed says why`] : []),
  ];
  return `${lines.join("\n")}\n`;
}
