import { pruneBranches, type Pruned } from "../branches";
import { errorDocument } from "../cli/failures";
import { oneLine } from "../cli/render/text";
import type { Values } from "../cli/specification";
import type { CommandContext, Outcome } from "./context";

/** `tributary branch prune` */
export async function run(context: CommandContext, { template, dryRun }: Values): Promise<Outcome> {
  const pruned = await pruneBranches(context, {
    ...(typeof template === "string" ? { template } : {}),
    dryRun: dryRun === true,
  });
  const ok = pruned.every(({ status }) => status !== "failed");
  const environments = pruned.map(({ error, ...each }) => ({
    ...each,
    ...(error === undefined ? {} : { error: errorDocument(error).error }),
  }));
  return { document: { ok, environments }, text: describe(pruned), exitCode: ok ? 0 : 1 };
}

/** One line for each environment. */
export function describe(pruned: Pruned[]): string {
  if (pruned.length === 0) return "nothing has expired, and no branch is gone\n";
  const lines = pruned.map(({ env, branch, why, status, error }) => {
    const reason = why === "expired" ? "it has expired" : "its branch is gone";
    const failed = error === undefined ? "" : `\n  ${errorDocument(error).error.message}`;
    return `${env} (${oneLine(branch)}): ${reason}; ${status}${failed}\n`;
  });
  return lines.join("");
}
