import { table } from "../cli/render/table";
import type { Values } from "../cli/specification";
import { differenceKinds, noteKinds, type Difference } from "../../layer/reconcile/types";
import { step } from "../events";
import { withLake, type Lake } from "../lake/connect";
import { findDataset } from "../lake/outputs";
import { durationOf } from "../lake/moment";
import { reconcile, type ReconcileOptions, type ReconcileResult } from "../lake/reconcile";
import { waitUntilSettled } from "../lake/settle";
import { findEnvironment } from "../stacks/environments";
import type { CommandContext, Outcome } from "./context";

/** `tributary reconcile <env> <dataset>` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const environment = findEnvironment(context.root, String(values.env));
  const dataset = String(values.dataset);
  const options = optionsOf(values);
  const result = await withLake(context.root, environment, async (lake) => {
    findDataset(lake.outputs, dataset);
    const first = await compare(context, lake, dataset, options);
    if (values.wait !== true || first.mended.sent === 0) return first;
    await step(context.sink, "Wait for the outcomes", (progress) =>
      waitUntilSettled(lake, dataset, [], { timeout: Number(values.timeout), signal: context.signal, progress }),
    );
    const second = await compare(context, lake, dataset, { ...options, mend: false });
    return { ...second, mended: first.mended };
  });
  return { document: result, text: describe(result, environment.name), exitCode: result.ok ? 0 : 1 };
}

function compare(context: CommandContext, lake: Lake, dataset: string, options: ReconcileOptions) {
  return step(context.sink, `Compare ${dataset}`, (progress) =>
    reconcile(lake, dataset, options, progress, context.signal),
  );
}

function optionsOf(values: Values): ReconcileOptions {
  return {
    mend: values.mend === true,
    rows: values.skipRows !== true,
    limit: Number(values.limit),
    ...(typeof values.minAge === "string" && { minAge: durationOf(values.minAge, "--min-age") }),
  };
}

const meanings: Record<(typeof differenceKinds)[number] | (typeof noteKinds)[number], string> = {
  unseen: "object versions that the control tables do not know",
  stuck: "object versions without an outcome that stand still",
  unnamed: "processed versions whose files are not the table's",
  missing: "versions whose files are missing",
  orphan: "files that belong to no current version",
  rows: "files with other rows than recorded",
  failed: "failed for good (tributary redrive)",
  gone: "deleted from the raw bucket since",
  expired: "older than the dataset's retention",
  replaced: "overwritten or deleted before the lake knew of them",
  waiting: "not triggered by events",
  young: "on their way",
};

/** A comparison for people. */
export function describe(result: ReconcileResult, env: string): string {
  const { checked, differences, notes, mended, found, dataset, complete, left: rest } = result;
  const told = <Name extends keyof typeof meanings>(counts: Record<Name, number>, names: readonly Name[]) =>
    names.filter((name) => counts[name] > 0).map((name) => `  ${counts[name]} ${meanings[name]}`);
  const sum = `${checked.versions} object versions, ${checked.items} items and ${checked.files} files of ${dataset}: `;
  return [
    sum +
      (rest === 0 ? "no differences left" : `${rest} differences`) +
      (complete ? "" : ", interrupted before the end"),
    ...told(differences, differenceKinds),
    ...told(notes, noteKinds),
    ...(mended.sent + mended.deleted > 0 ? [`mended: ${mended.sent} sent again, ${mended.deleted} files deleted`] : []),
    ...(found.length > 0 ? ["", rowsOf(found)] : []),
    ...(rest > 0 ? [`tributary reconcile ${env} ${dataset} --mend sends again what has no outcome`] : []),
    "",
  ].join("\n");
}

function rowsOf(found: Difference[]): string {
  const rows = found.map(({ kind, key, file, detail, mended }) => ({
    what: kind,
    where: key ?? file ?? null,
    detail: mended ? `${detail} (mended)` : detail,
  }));
  return table(["what", "where", "detail"], rows);
}
