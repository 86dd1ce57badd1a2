import { table } from "../cli/render/table";
import { oneLine } from "../cli/render/text";
import type { Values } from "../cli/specification";
import { userError } from "../errors";
import { writeJunit } from "../pipeline/reports/write";
import { deliveryChecks } from "../pipeline/steps/checks";
import { environmentStacks } from "../stacks/environments";
import { runChecks, type CheckResult } from "../waves/checks";
import type { CommandContext, Outcome } from "./context";

/** `tributary verify <env>` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const { env, stacks } = environmentStacks(context.root, String(values.env));
  const further = deliveryChecks(context.root, env);
  const asked = stacks.map((stack) => ({ ...stack, checks: [...stack.checks, ...further] }));
  if (asked.every(({ checks }) => checks.length === 0)) throw nothingToAsk(env);
  const checks = (await Promise.all(asked.map((stack) => runChecks(context, stack)))).flat();
  if (typeof values.junit === "string") await report(values.junit, env, checks);
  const failed = checks.filter(({ ok }) => !ok);
  const text = `${table(["stack", "check", "ok", "found"], checks.map(rowOf))}\n`;
  if (failed.length === 0) {
    return {
      document: { ok: true, env, checks },
      text: `${text}${env} does what it should: ${checks.length} checks\n`,
    };
  }
  const message = failed.map(({ stack, check, found }) => `${stack}: ${check}: ${oneLine(found)}`).join("; ");
  const next = `tributary executions ${env} --failed, then mend what is wrong, or go back: tributary rollback ${env}`;
  const error = { code: "VerificationFailed", message, next };
  return {
    document: { ok: false, error, env, checks },
    text: `${text}error VerificationFailed: ${message}\nnext: ${next}\n`,
    exitCode: 1,
  };
}

function rowOf({ stack, check, ok, found }: CheckResult) {
  return { stack, check: oneLine(check).slice(0, 80), ok: ok ? "yes" : "no", found: oneLine(found) };
}

function report(file: string, env: string, checks: CheckResult[]): Promise<void> {
  const cases = checks.map(({ stack, check, ok, found }) => ({
    name: `${stack}: ${check}`,
    ...(ok ? {} : { failure: found }),
  }));
  return writeJunit(file, `verification of ${env}`, cases);
}

/** A verification that asks nothing would always be green. */
function nothingToAsk(env: string) {
  return userError(
    "NothingToVerify",
    `nothing says what ${env} should do: Pulumi.${env}.yaml has no tributary:checks, and Pulumi.delivery.yaml no verify for it`,
    `add tributary:checks to Pulumi.${env}.yaml, e.g. [{ query: "select 1", expect: 1 }]`,
  );
}
