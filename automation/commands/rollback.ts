import { errorDocument, describeError } from "../cli/failures";
import { table } from "../cli/render/table";
import { duration } from "../cli/render/text";
import type { Values } from "../cli/specification";
import { shortDigest } from "../release/reference";
import { planRollback, revisionText, rollbackEnvironment, type Difference, type RollbackPlan } from "../rollback";
import { environmentStacks } from "../stacks/environments";
import { environmentFailure } from "../waves/results";
import { describeStacks, documentOf } from "./deploy";
import type { CommandContext, Outcome } from "./context";

/** `tributary rollback <env>` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const environment = environmentStacks(context.root, String(values.env));
  const { env } = environment;
  const options = {
    ...(typeof values.to === "string" ? { to: values.to } : {}),
    ...(typeof values.parallel === "number" ? { parallel: values.parallel } : {}),
  };
  if (values.show === true) {
    const plan = await planRollback(context, environment, options);
    return { document: { ok: true, ...planDocument(plan) }, text: describePlan(plan) };
  }
  const announce = (plan: RollbackPlan) => {
    for (const text of describePlan(plan).split("\n").filter(Boolean)) {
      context.sink({ type: "message", level: "info", text });
    }
  };
  const { plan, result } = await rollbackEnvironment(context, environment, options, announce);
  const document = { ok: result.ok, ...planDocument(plan), results: result.stacks.map(documentOf) };
  const text = describeStacks(result.stacks);
  if (result.ok) {
    const done = result.stacks.filter(({ status }) => status === "succeeded").length;
    const end = `${env} is rolled back in ${done} stack(s), in ${duration(result.seconds)}; the next deploy brings the checkout's own again\n`;
    return { document: { ...document, seconds: result.seconds }, text: `${text}${end}` };
  }
  const error = environmentFailure(
    result,
    "rolled back",
    `mend the cause, then tributary rollback ${env} --to <record>`,
  );
  return {
    document: { ...document, ...errorDocument(error), seconds: result.seconds },
    text: `${text}${describeError(error, { color: false })}`,
    exitCode: error.exitCode,
  };
}

function planDocument({ env, stacks, unreadable }: RollbackPlan) {
  return {
    env,
    stacks: stacks.map(({ stack, present, to, why, differences }) => ({
      stack,
      ...(present ? { from: present.id } : {}),
      ...(to ? { to: to.id, revision: to.revision } : {}),
      ...(why === undefined ? {} : { why }),
      differences,
    })),
    ...(unreadable.length > 0 ? { unreadable } : {}),
  };
}

/** What is rolled back: to which record each stack, and what that changes; the same in several stacks once. */
export function describePlan({ stacks }: RollbackPlan): string {
  const rows = stacks.map(({ stack, present, to, why }) => ({
    stack,
    now: present ? present.id : "",
    to: to ? to.id : "stays",
    revision: to ? revisionText(to) : (why ?? ""),
  }));
  const found = new Map<string, { difference: Difference; stacks: string[] }>();
  for (const { stack, differences } of stacks) {
    for (const difference of differences) {
      const known = found.get(JSON.stringify(difference));
      if (known) known.stacks.push(stack);
      else found.set(JSON.stringify(difference), { difference, stacks: [stack] });
    }
  }
  const changes = [...found.values()].map(({ difference: { kind, name, now, then }, stacks: of }) => ({
    change: `${kind} ${name}`,
    now: cell(kind, now),
    then: cell(kind, then),
    stacks: of.length === stacks.length ? "all" : of.join(", "),
  }));
  const plan = `${table(["stack", "now", "to", "revision"], rows)}\n`;
  if (changes.length > 0) return `${plan}${table(["change", "now", "then", "stacks"], changes)}\n`;
  return stacks.some(({ to }) => to) ? `${plan}its images, settings and program are the same as now\n` : plan;
}

function cell(kind: Difference["kind"], value: string | undefined): string {
  if (value === undefined) return "none";
  const digest = kind === "image" ? /@(sha256:[0-9a-f]{64})$/.exec(value)?.[1] : undefined;
  return digest ? shortDigest(digest) : value;
}
