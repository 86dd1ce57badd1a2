import type { Deployment } from "./types";

/** What runs of a stack took so far, for the time left of the next one. */
export interface Expectation {
  /** Of a run that changed something; undefined when there was none. */
  seconds?: number;
  /** Of a run that changed nothing. */
  unchangedSeconds?: number;
  /** Resources of the stack after its last run. */
  resources?: number;
}

/** Runs that are looked at: older ones were of another program. */
const runs = 5;

/** What is to be expected of a stack's next run: medians of its last five successful ones, newest first. */
export function expectationOf(deployments: Deployment[]): Expectation {
  const done = deployments.filter(({ result, kind }) => result === "succeeded" && kind !== "destroy");
  const changed = done.filter((each) => total(each) > 0).slice(0, runs);
  const same = done.filter((each) => total(each) === 0).slice(0, runs);
  const [seconds, unchangedSeconds] = [changed, same].map((some) => median(some.flatMap((each) => each.seconds ?? [])));
  const resources = done.find((each) => each.resources !== undefined)?.resources;
  return {
    ...(seconds === undefined ? {} : { seconds }),
    ...(unchangedSeconds === undefined ? {} : { unchangedSeconds }),
    ...(resources === undefined ? {} : { resources }),
  };
}

/**
 * Seconds left of a run; undefined while nobody can know. Of the expected time at first, and more and more of its own speed.
 *
 * @param share of the work that is done, from 0 to 1
 */
export function secondsLeft(expected: number | undefined, elapsed: number, share: number): number | undefined {
  const done = Math.min(1, Math.max(0, share));
  const bySpeed = done > 0.05 ? (elapsed / done) * (1 - done) : undefined;
  const byHistory = expected === undefined ? undefined : Math.max(0, expected - elapsed);
  if (byHistory === undefined) return bySpeed;
  return bySpeed === undefined ? byHistory : byHistory * (1 - done) + bySpeed * done;
}

const total = ({ changes }: Deployment) => (changes ? changes.create + changes.update + changes.delete : 0);

function median(values: number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
