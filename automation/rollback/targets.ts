import type { Deployment } from "../records";
import { canonicalJson } from "../json";

/** What is to become of one stack in a rollback. */
export interface StackRollback {
  stack: string;
  /** The newest record: what it is now, or what was tried last. */
  present: Deployment | undefined;
  /** The record it goes back to; undefined when it stays as it is. */
  to?: Deployment;
  /** Why it stays as it is. */
  why?: string;
}

/** The records of one stack, newest first. */
export interface StackRecords {
  stack: string;
  deployments: Deployment[];
}

/**
 * Chooses for each stack of an environment the record that it goes back to.
 *
 * Without `to`: what was there before the newest command, for the stacks that it worked on; commands before it that failed or
 * were stopped belong to it, because it went on with what they had begun. With `to`, the id of a record, or of a command
 * (`run`): what was there when that command had ended. Only successful records count, and what was destroyed is not brought
 * back.
 *
 * @returns undefined when no record has the id `to`
 */
export function chooseRollback(records: StackRecords[], to?: string): StackRollback[] | undefined {
  if (to === undefined) {
    const runs = latestAttempt(records.flatMap(({ deployments }) => deployments));
    return records.map((each) => before(each, runs));
  }
  const meant = records.flatMap(({ deployments }) => deployments).filter(({ id, run }) => id === to || run === to);
  if (meant.length === 0) return undefined;
  const runs = new Set(meant.map(({ run }) => run));
  const last = records
    .flatMap(({ deployments }) => deployments.filter(({ run }) => runs.has(run)))
    .sort(newestFirst)[0]!;
  return records.map((each) => at(each, meant, last));
}

/** What a rollback record stands for: the one it went back to. Others stand for themselves. */
export function effective(record: Deployment, deployments: Deployment[]): Deployment {
  const seen = new Set<string>();
  let found = record;
  while (found.kind === "rollback" && found.rollbackTo !== undefined && !seen.has(found.id)) {
    seen.add(found.id);
    const next = deployments.find(({ id }) => id === found.rollbackTo);
    if (!next) break;
    found = next;
  }
  return found;
}

/** Whether two records would deploy the same: program, settings and images. */
export function sameContent(a: Deployment, b: Deployment): boolean {
  const of = ({ revision, settings, images }: Deployment) => canonicalJson([revision.program, settings, images ?? {}]);
  return of(a) === of(b);
}

const newestFirst = (a: Deployment, b: Deployment) => (a.id < b.id ? 1 : -1);

/** The newest command, and those directly before it that did not come to their end. */
function latestAttempt(deployments: Deployment[]): Set<string> {
  const order = [...new Set([...deployments].sort(newestFirst).map(({ run }) => run))];
  const whole = (run: string) => deployments.every((each) => each.run !== run || succeeded(each));
  const end = order.findIndex((run, index) => index > 0 && whole(run));
  return new Set(end < 0 ? order : order.slice(0, end));
}

/** Back to what was there before these commands. */
function before({ stack, deployments }: StackRecords, runs: Set<string>): StackRollback {
  const present = deployments[0];
  if (!present) return { stack, present, why: "nothing was ever deployed" };
  if (present.result === "running") return { stack, present, why: "a command works on it" };
  if (present.kind === "destroy" && present.result === "succeeded") return { stack, present, why: "it was destroyed" };
  if (!runs.has(present.run)) return { stack, present, why: "the last command did not change it" };
  const now = effective(present, deployments);
  const earlier = deployments.slice(deployments.indexOf(now) + 1);
  const to = earlier.find((record) => {
    const same = succeeded(present) && sameContent(effective(record, deployments), now);
    return good(record) && !runs.has(record.run) && !same;
  });
  return to
    ? { stack, present, to: effective(to, deployments) }
    : { stack, present, why: "there is no earlier success" };
}

/** Back to what was there when a command had ended. */
function at({ stack, deployments }: StackRecords, meant: Deployment[], last: Deployment): StackRollback {
  const present = deployments[0];
  if (!present) return { stack, present, why: "nothing was ever deployed" };
  const own = meant.find((record) => record.target.stack === stack && good(record));
  const then = own ?? deployments.find((record) => succeeded(record) && record.id <= last.id);
  if (!then || !good(then)) return { stack, present, why: "it was not deployed then" };
  const to = effective(then, deployments);
  const current = effective(present, deployments);
  if (succeeded(present) && present.kind !== "destroy" && sameContent(current, to))
    return { stack, present, why: "it is as it was then" };
  return { stack, present, to };
}

const succeeded = ({ result }: Deployment) => result === "succeeded";
const good = (record: Deployment) => succeeded(record) && record.kind !== "destroy";
