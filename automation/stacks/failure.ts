import { TributaryError, type TributaryErrorOptions } from "../errors";
import { lastWords } from "../lake/remote";
import { expired } from "../waves/accounts";
import type { Environment } from "./environments";
import type { Failure } from "./progress";

/** A failed run, with its failures apart for those who gather several. */
export class DeploymentFailure extends TributaryError {
  readonly failures: Failure[];
  /** File of all that the engine printed. */
  readonly log: string | undefined;

  constructor(message: string, options: TributaryErrorOptions & { failures: Failure[]; log: string | undefined }) {
    super(message, options);
    this.failures = options.failures;
    this.log = options.log;
  }
}

/** What to do about causes that are no mistake of the program; undefined for all others. */
function advice(failures: Failure[], cause: unknown): string | undefined {
  const text = failures.map((each) => each.cause).join("\n") || lastWords(cause);
  if (/Throttl|TooManyRequests|Rate exceeded|RequestLimitExceeded|SlowDown/i.test(text))
    return "AWS had too many requests of this account at once: run the command again, with fewer stacks at a time (--parallel 1)";
  return expired(text);
}

/**
 * One error for all failures of a run: each resource with its cause.
 *
 * @param what could not be done, e.g. `deployed`
 */
export function failure(
  environment: Environment,
  what: string,
  failures: Failure[],
  cause: unknown,
  log?: string,
): TributaryError {
  const list = failures.map(({ resource, cause: why }) => `\n  ${resource}: ${why}`).join("");
  const text = failures.length > 0 ? list : `\n  ${lastWords(cause)}`;
  const where = log === undefined ? "" : `\n  log: ${log}`;
  return new DeploymentFailure(`${environment.name} could not be ${what}:${text}${where}`, {
    code: "DeploymentFailed",
    source: "cloud",
    next: advice(failures, cause) ?? "mend the cause, then run the command again: what is done already is kept",
    cause,
    failures: failures.length > 0 ? failures : [{ resource: "the engine", cause: lastWords(cause) }],
    log,
  });
}
