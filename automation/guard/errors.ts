import { TributaryError } from "../errors";
import type { Holder } from "./record";
import { defaultTiming } from "./timing";

/** The stack that a guard stands around. */
export interface Guarded {
  /** Pulumi project. */
  project: string;
  stack: string;
}

/** Somebody else holds the guard. */
export function guarded({ stack }: Guarded, holder: Holder | undefined, here: boolean, ageMs: number): TributaryError {
  const seen = `last sign of life ${Math.round(ageMs / 1000)} s ago`;
  const who = holder
    ? `\`${holder.command}\` of ${holder.user} on ${holder.host} (process ${holder.pid}) since ${holder.since}, ${seen}`
    : `a file that cannot be read, written ${Math.round(ageMs / 1000)} s ago`;
  const seconds = Math.round((holder?.lease ?? defaultTiming.lease) / 1000);
  const next = here
    ? `wait until it has ended, or end it (kill ${holder?.pid}); a process that is gone is taken over at once`
    : `wait until it has ended; when that machine is gone, the guard is free ${seconds} s after its last sign of life: run the command again then`;
  return new TributaryError(`the stack ${stack} is guarded by ${who}`, { code: "StackGuarded", next });
}

/** The guard was lost while work went on under it. */
export function guardLost({ stack }: Guarded, why: string, cause?: unknown): TributaryError {
  return new TributaryError(`the guard of stack ${stack} was lost while the command ran, so it was stopped: ${why}`, {
    code: "GuardLost",
    source: "cloud",
    next: "run the command again: it goes on with what is done, after whoever holds the guard now",
    cause,
  });
}
