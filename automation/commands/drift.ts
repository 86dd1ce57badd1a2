import { oneLine } from "../cli/render/text";
import type { Values } from "../cli/specification";
import { findDrift, mendDrift, type StackDrift } from "../drift";
import { environmentStacks } from "../stacks/environments";
import { environmentFailure, type EnvironmentResult } from "../waves/results";
import type { CommandContext, Outcome } from "./context";

/** `tributary drift <env>` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const environment = environmentStacks(context.root, String(values.env));
  const options = typeof values.parallel === "number" ? { parallel: values.parallel } : {};
  if (values.mend === true) {
    const { before, after } = await mendDrift(context, environment, options);
    return describe(before, after);
  }
  const found = await findDrift(context, environment, options);
  if (!found.ok) throw environmentFailure(found, "compared with the cloud");
  return describe(found);
}

const count = ({ stacks }: EnvironmentResult<StackDrift>) =>
  stacks.reduce((sum, { result }) => sum + (result?.resources.length ?? 0), 0);

/** What was found, and, after a mend, what is left of it. */
export function describe(found: EnvironmentResult<StackDrift>, after?: EnvironmentResult<StackDrift>): Outcome {
  const left = count(after ?? found);
  const mended = after !== undefined && left === 0;
  const ok = left === 0;
  const stacks = found.stacks.map(({ target, result }) => ({ ...target, ...result }));
  const remaining = after?.stacks.flatMap(({ target, result }) =>
    (result?.resources ?? []).map((resource) => ({ stack: target.stack, ...resource })),
  );
  const document = { ok, drifted: count(found), mended, stacks, ...(remaining ? { remaining } : {}) };
  const texts = found.stacks.flatMap(({ target, result }) => (result ? [textOf(target.stack, result)] : []));
  return { document, text: `${texts.join("")}${summary(found, after)}`, exitCode: ok ? 0 : 1 };
}

function summary(found: EnvironmentResult<StackDrift>, after: EnvironmentResult<StackDrift> | undefined): string {
  const { env } = found;
  const looked = found.stacks.reduce((sum, { result }) => sum + (result?.looked ?? 0), 0);
  const all = `${looked} resources in ${found.stacks.length} stack(s)`;
  const drifted = count(found);
  if (drifted === 0) return `${env} is in the cloud as it was deployed: ${all}\n`;
  if (after === undefined) {
    return `${drifted} of ${all} of ${env} are not as they were deployed\nnext: tributary drift ${env} --mend brings them back\n`;
  }
  const left = count(after);
  if (left === 0) return `${drifted} of ${all} of ${env} were not as they were deployed, and are again\n`;
  const names = after.stacks.flatMap(({ result }) => (result?.resources ?? []).map(({ name }) => oneLine(name)));
  return `${left} of ${drifted} resources of ${env} are still not as they were deployed: ${names.join(", ")}\n`;
}

function textOf(stack: string, { resources, ignored }: StackDrift): string {
  const lines = resources.flatMap(({ kind, name, type, properties }) => [
    `  ${kind.padEnd(8)} ${oneLine(name)}  ${type}`,
    ...properties.map(
      ({ path, recorded, found }) => `             ${oneLine(path)}: ${show(recorded)} -> ${show(found)}`,
    ),
  ]);
  const known = ignored.map(({ name, path, reason }) => `  no drift ${oneLine(name)} ${oneLine(path)}: ${reason}`);
  return [...(lines.length + known.length > 0 ? [stack] : []), ...lines, ...known].map((line) => `${line}\n`).join("");
}

/** Longest value that is shown, in characters. */
const widest = 100;

function show(value: unknown): string {
  if (value === undefined || value === null) return "not set";
  const text = oneLine(typeof value === "string" ? value : (JSON.stringify(value) ?? ""));
  return text.length > widest ? `${text.slice(0, widest - 1)}…` : text;
}
