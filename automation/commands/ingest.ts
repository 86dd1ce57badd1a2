import pc from "picocolors";
import { oneLine } from "../cli/render/text";
import type { Values } from "../cli/specification";
import { withLake } from "../lake/connect";
import { planFiles } from "../lake/files";
import { ingest, type IngestResult } from "../lake/ingest";
import { findEnvironment } from "../stacks/environments";
import type { CommandContext, Outcome } from "./context";

/** Objects that are listed one by one for people; failures are all listed. */
const listed = 20;

/** `tributary ingest <env> <dataset> <files…>` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const environment = findEnvironment(context.root, String(values.env));
  const request = {
    dataset: String(values.dataset),
    files: values.files as string[],
    wait: values.wait === true,
    timeout: Number(values.timeout),
  };
  // Mistakes in the arguments are told first, whatever is deployed.
  await planFiles(request.files, request.dataset);
  const result = await withLake(context.root, environment, (lake) => ingest(lake, request, context));
  return { document: result, text: describe(result, environment.name) };
}

/** The result for people. */
export function describe(result: IngestResult, env: string): string {
  const shown = result.objects.filter(({ status }, index) => index < listed || status === "FAILED");
  const marks = { PROCESSED: pc.green("processed"), FAILED: pc.red("failed   "), PENDING: pc.yellow("sent     ") };
  const lines = shown.map(
    ({ status, key, error }) => `${marks[status]}  ${oneLine(key)}${error ? `\n           ${oneLine(error)}` : ""}\n`,
  );
  const more =
    result.objects.length > shown.length ? `           and ${result.objects.length - shown.length} more\n` : "";
  const pending = result.accepted - result.processed - result.failed;
  const counts = [
    `${result.accepted} accepted`,
    `${result.processed} processed`,
    `${result.failed} failed`,
    pending > 0 ? `${pending} on their way` : "",
  ];
  const hint = result.failed > 0 ? `after a repair: tributary redrive ${env} <team>/<dataset>\n` : "";
  return `${lines.join("")}${more}${counts.filter(Boolean).join(", ")}\n${hint}`;
}
