import { megabytes } from "../cli/render/text";
import type { Values } from "../cli/specification";
import { step } from "../events";
import { backfill, inputOf, type BackfillRequest, type BackfillSummary } from "../lake/backfill";
import { withLake } from "../lake/connect";
import { waitUntilSettled } from "../lake/settle";
import { findEnvironment } from "../stacks/environments";
import type { CommandContext, Outcome } from "./context";

/** `tributary backfill <env> <dataset>` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const environment = findEnvironment(context.root, String(values.env));
  const request: BackfillRequest = {
    dataset: String(values.dataset),
    again: values.again === true,
    dryRun: values.dryRun === true,
    ...(typeof values.prefix === "string" && { prefix: values.prefix }),
    ...(typeof values.since === "string" && { since: values.since }),
  };
  const { signal, sink } = context;
  const result = await withLake(context.root, environment, async (lake) => {
    inputOf(lake, request);
    const title = `${request.dryRun ? "Look through" : "Backfill"} ${request.dataset}`;
    const summary = await step(sink, title, (progress) => backfill(lake, request, progress, signal));
    if (values.wait !== true || request.dryRun || summary.sent === 0) return summary;
    const timeout = Number(values.timeout);
    await step(sink, "Wait for the outcomes", (progress) =>
      waitUntilSettled(lake, request.dataset, [], { timeout, signal, progress }),
    );
    return summary;
  });
  return { document: { ...result, dataset: request.dataset }, text: describe(result, environment.name) };
}

/** The result for people. */
export function describe(summary: BackfillSummary, env: string): string {
  const { listed, sent, known, older, gone, folders, dryRun } = summary;
  const size = sent > 0 ? ` (${megabytes(summary.bytes)})` : "";
  const counts = [
    `${listed} listed`,
    `${sent} ${dryRun ? "would be sent" : "sent"}${size}`,
    known > 0 ? `${known} known` : "",
    older > 0 ? `${older} older` : "",
    gone > 0 ? `${gone} gone meanwhile` : "",
    folders > 0 ? `${folders} only folders` : "",
  ];
  const hint = sent > 0 && !dryRun ? `tributary executions ${env} shows how they end\n` : "";
  return `${counts.filter(Boolean).join(", ")}\n${hint}`;
}
