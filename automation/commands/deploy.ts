import { errorDocument, describeError } from "../cli/failures";
import { table } from "../cli/render/table";
import { duration, oneLine } from "../cli/render/text";
import type { Values } from "../cli/specification";
import type { Verification } from "../release/verify";
import { throughGates } from "../gates/deployment";
import { environmentStacks } from "../stacks/environments";
import type { SelectedStack } from "../selection";
import { describeSelection } from "../selection/describe";
import type { Changes } from "../stacks/progress";
import type { Deployed } from "../waves/deploy";
import { deployOrRollBack, type DeployedOrRolledBack } from "../waves/onFailure";
import { outsideRegion } from "../waves/region";
import { environmentFailure, type StackResult } from "../waves/results";
import type { CommandContext, Outcome } from "./context";
import { sumChanges } from "../stacks/progress";

/** `tributary deploy <env>` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const environment = environmentStacks(context.root, String(values.env));
  const parallel = typeof values.parallel === "number" ? { parallel: values.parallel } : {};
  const plan = typeof values.plan === "string" ? { plan: values.plan } : {};
  const skip = outsideRegion(environment, typeof values.region === "string" ? values.region : undefined);
  const choice = { changed: values.changed === true, all: values.all === true };
  return throughGates(context, environment, { ...plan, ...parallel, skip, changed: choice.changed }, async (passed) =>
    describeDeployment(await deployOrRollBack(context, environment, { ...parallel, ...choice, ...passed })),
  );
}

/** What a deployment ends with, for `--json` and for people. */
function describeDeployment(result: DeployedOrRolledBack): Outcome {
  const [only] = result.stacks;
  if (result.stacks.length > 1 || !only?.result || result.rolledBack) return describeAll(result);
  if (!result.ok) throw environmentFailure(result, "deployed");
  const { changes, seconds, report } = only.result;
  const images = report ? describeImages(report.images) : "";
  return {
    document: { ok: true, changes, ...report, seconds, stacks: result.stacks.map(documentOf) },
    text: `${only.target.stack} is deployed: ${describeChanges(changes)}, in ${duration(seconds)}\n${images}`,
  };
}

function describeAll(result: DeployedOrRolledBack): Outcome {
  const { env, ok, stacks, checks, seconds, rolledBack } = result;
  if (stacks.length === 1 && !ok && !rolledBack) throw environmentFailure(result, "deployed");
  const changes = sumChanges(stacks.flatMap(({ result: done }) => (done ? [done.changes] : [])));
  const selection = result.selection ? { selection: selectionOf(result.selection) } : {};
  const common = { env, changes, stacks: stacks.map(documentOf), checks, ...selection, seconds };
  const text = `${describeStacks(stacks)}${describeSkipped(stacks)}${describeSelection(result.selection ?? [])}`;
  if (ok) {
    const end = `${env} is deployed in ${stacks.length} stacks: ${describeChanges(changes)}, in ${duration(seconds)}\n`;
    return { document: { ok, ...common }, text: `${text}${end}` };
  }
  const error = environmentFailure(result, "deployed");
  const back = rolledBack?.stacks.filter(({ status }) => status !== "skipped") ?? [];
  const again = back.map(({ target, status }) => `${target.stack}: going back ${status}\n`).join("");
  return {
    document: { ...errorDocument(error), ...common, ...(rolledBack ? { rolledBack: back.map(documentOf) } : {}) },
    text: `${text}${again}${describeError(error, { color: false })}`,
    exitCode: error.exitCode,
  };
}

/** A stack as `--json` tells of it. */
export function documentOf({ target, status, why, result, error }: StackResult<Deployed>) {
  return {
    ...target,
    status,
    ...(why === undefined ? {} : { why }),
    ...(result ? { changes: result.changes, seconds: result.seconds, ...result.report } : {}),
    ...(error === undefined ? {} : errorDocument(error)),
  };
}

/** All stacks as a table: what became of each, and what changed. */
export function describeStacks(stacks: StackResult<Deployed>[]): string {
  const rows = stacks.map(({ target, status, result }) => ({
    wave: target.wave + 1,
    stack: target.stack,
    region: target.region,
    status,
    created: result?.changes.create ?? null,
    updated: result?.changes.update ?? null,
    deleted: result?.changes.delete ?? null,
    same: result?.changes.same ?? null,
    time: result ? duration(result.seconds) : "",
  }));
  const columns = ["wave", "stack", "region", "status", "created", "updated", "deleted", "same", "time"];
  return `${table(columns, rows)}\n`;
}

/** Stacks that nothing was done with, and why. */
function describeSkipped(stacks: StackResult<unknown>[]): string {
  return stacks.map(({ target, why }) => (why === undefined ? "" : `${target.stack}: ${oneLine(why)}\n`)).join("");
}

function selectionOf(selection: SelectedStack[]) {
  return selection.map(({ target, chosen, why }) => ({ stack: target.stack, chosen, why }));
}

function describeImages({ functions, answered }: Verification): string {
  if (answered === functions)
    return `each of its ${functions} functions says that it runs the image that was deployed\n`;
  const others = functions - answered;
  return `Lambda runs the images that were deployed; ${answered} functions said so themselves, ${others} cannot run now and were not asked\n`;
}

/** Changes as words; `no change` when there was none. */
export function describeChanges({ create, update, delete: deleted, same }: Changes): string {
  const parts = [
    create > 0 ? `${create} created` : "",
    update > 0 ? `${update} updated` : "",
    deleted > 0 ? `${deleted} deleted` : "",
  ].filter(Boolean);
  return `${parts.join(", ") || "no change"} (${same} the same)`;
}
