import { CommandError } from "@pulumi/pulumi/automation/errors";
import { TributaryError } from "../errors";
import { lastWords } from "../lake/remote";
import type { SelectedStack } from "../selection";
import type { DeployResult } from "../stacks/deploy";
import { DeploymentFailure } from "../stacks/failure";
import type { Environment } from "../stacks/environments";
import type { Failure } from "../stacks/progress";
import { targetOf, type StackTarget } from "../stacks/target";
import type { CheckResult } from "./checks";
import type { Settled } from "./over";

/** What became of one stack. */
export interface StackResult<T = DeployResult> {
  target: StackTarget;
  /** `skipped`: it was done already, or was not chosen. */
  status: "succeeded" | "failed" | "skipped" | "not started";
  /** Why it was skipped. */
  why?: string;
  /** What the work gave; only when it succeeded. */
  result?: T;
  /** What it failed with. */
  error?: unknown;
}

/** What became of an environment. */
export interface EnvironmentResult<T = DeployResult> {
  env: string;
  /** All that was to be done is done, and all checks hold. */
  ok: boolean;
  stacks: StackResult<T>[];
  checks: CheckResult[];
  seconds: number;
  /** Number of the wave in which something failed, from 0. */
  failedWave?: number;
  /** Why stacks were chosen, where only changed ones were asked for. */
  selection?: SelectedStack[];
}

/** The results of stacks in the order of their waves. */
export function stackResults<T>(
  stacks: Environment[],
  settled: Map<string, Settled<T>>,
  skipped: ReadonlyMap<string, string>,
): StackResult<T>[] {
  return stacks.map((stack): StackResult<T> => {
    const target = targetOf(stack);
    const why = skipped.get(stack.name);
    if (why !== undefined) return { target, status: "skipped", why };
    const end = settled.get(stack.name) ?? { status: "not started" };
    if (end.status === "done") return { target, status: "succeeded", result: end.value };
    return end.status === "failed" ? { target, status: "failed", error: end.error } : { target, status: "not started" };
  });
}

/** A failure and all stacks that had it. */
export interface GatheredFailure extends Failure {
  stacks: string[];
}

/** Failures of all stacks, each once with the stacks that had it, those of most stacks first. */
export function gatherFailures(stacks: StackResult<unknown>[]): GatheredFailure[] {
  const found = new Map<string, GatheredFailure>();
  for (const { target, error } of stacks) {
    for (const failure of failuresOf(error)) {
      const key = `${failure.resource}\n${comparable(failure.cause, target.region)}`;
      const known = found.get(key);
      if (known) known.stacks.push(target.stack);
      else found.set(key, { ...failure, stacks: [target.stack] });
    }
  }
  return [...found.values()].sort((a, b) => b.stacks.length - a.stacks.length);
}

/** A cause without what differs in every answer of AWS. */
function comparable(cause: string, region: string): string {
  return cause.replaceAll(region, "<region>").replace(/\b(RequestID|HostID): [\w/+=-]+/g, "$1");
}

function failuresOf(error: unknown): Failure[] {
  if (error === undefined) return [];
  if (error instanceof DeploymentFailure) return error.failures;
  const what = error instanceof CommandError ? "the engine" : "the driver";
  return [{ resource: what, cause: error instanceof TributaryError ? error.message : lastWords(error) }];
}

const again =
  "mend the cause, then run the command again: only what failed, what was not begun and what changed is done";

/**
 * One error for all that went wrong in an environment: resource and cause first, then where, then the logs. Where there is one
 * stack only its own error is thrown.
 *
 * @param what e.g. `deployed`
 * @param repeat what to do where no failure says it
 */
export function environmentFailure(
  { env, stacks, checks }: Pick<EnvironmentResult<unknown>, "env" | "stacks" | "checks">,
  what: string,
  repeat = again,
): TributaryError {
  const failed = stacks.filter(({ status }) => status === "failed");
  const wrong = checks.filter(({ ok }) => !ok);
  if (stacks.length === 1 && failed[0] && failed[0].error instanceof TributaryError) return failed[0].error;
  const causes = gatherFailures(failed).map(
    ({ resource, cause, stacks: of }) => `\n  ${resource}: ${cause}\n    in ${of.join(", ")}`,
  );
  const checked = wrong.map(({ stack, check, found }) => `\n  check failed: ${check}: ${found}\n    in ${stack}`);
  const logs = failed.flatMap(({ target, error }) =>
    error instanceof DeploymentFailure && error.log ? [`\n  log of ${target.stack}: ${error.log}`] : [],
  );
  const count = failed.length > 0 ? failed.length : new Set(wrong.map(({ stack }) => stack)).size;
  const details = [...causes, ...checked, ...logs].join("");
  const message = `${count} of ${stacks.length} stacks of ${env} could not be ${what}:${details}`;
  if (failed.length === 0) return new TributaryError(message, { code: "CheckFailed", source: "cloud", next: repeat });
  const errors = failed.flatMap(({ error }) => (error instanceof TributaryError ? [error] : []));
  const [first] = errors;
  const next = first?.next ?? repeat;
  if (first && errors.length === failed.length && errors.every(({ source }) => source === "user"))
    return new TributaryError(message, { code: first.code, source: "user", next, cause: first });
  return new TributaryError(message, { code: "DeploymentFailed", source: "cloud", next, cause: failed[0]!.error });
}
