import type { Values } from "../cli/specification";
import { step } from "../events";
import { withLake, type Lake } from "../lake/connect";
import { failedVersions } from "../lake/history";
import { findDataset } from "../lake/outputs";
import { redrive, remaining, type RedriveResult } from "../lake/redrive";
import { waitUntilSettled } from "../lake/settle";
import { findEnvironment } from "../stacks/environments";
import type { CommandContext, Outcome } from "./context";

/** `tributary redrive <env> <dataset>` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const environment = findEnvironment(context.root, String(values.env));
  const dataset = String(values.dataset);
  const result = await withLake(context.root, environment, async (lake) => {
    findDataset(lake.outputs, dataset);
    const before = values.wait === true ? await failedVersions(lake, dataset) : [];
    const redriven = await step(context.sink, `Redrive ${dataset}`, (progress) =>
      redrive(lake, dataset, Number(values.max), progress, context.signal),
    );
    if (values.wait !== true) return redriven;
    await step(context.sink, "Wait for the outcomes", (progress) =>
      waitUntilSettled(lake, dataset, before, { timeout: Number(values.timeout), signal: context.signal, progress }),
    );
    return { ...redriven, remaining: await left(lake, dataset) };
  });
  return { document: result, text: describe(result, environment.name) };
}

function left(lake: Lake, dataset: string): Promise<number> {
  return remaining(lake, findDataset(lake.outputs, dataset));
}

function describe({ redriven: { arrivals, a, b }, remaining: rest }: RedriveResult, env: string): string {
  const hint = rest > 0 ? `\ntributary executions ${env} --failed says why` : "";
  return `redriven: ${arrivals} arrivals, ${a} in stage A, ${b} in stage B; ${rest} left in the dead-letter queues${hint}\n`;
}
