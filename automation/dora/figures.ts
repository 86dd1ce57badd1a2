import type { Deployment } from "../records";

/** The four figures of a team's delivery (DORA), of one environment in one span of time. Undefined: there is nothing to say it from. */
export interface DoraFigures {
  /** Deployments that succeeded. */
  deployments: number;
  /** Seconds from commit to deployed, the median. */
  leadTime: number | undefined;
  /** Part of the changes that failed, or that were rolled back: 0 to 1. */
  changeFailureRate: number | undefined;
  /** Seconds from the end of a failure to the next success, the median. */
  timeToRestore: number | undefined;
}

/** What one command did to an environment: the records of its stacks together. */
interface Change {
  kind: Deployment["kind"];
  commit: string | undefined;
  ok: boolean;
  /** ms */
  endedAt: number;
}

/**
 * Figures from deployment records.
 *
 * @param deployments of one environment, in any order
 * @param committedAt ms; undefined for a commit that is not known here
 * @param since ms; only what ended later counts
 */
export function doraFigures(
  deployments: readonly Deployment[],
  committedAt: (commit: string) => number | undefined,
  since: number,
): DoraFigures {
  const all = changesOf(deployments);
  const recent = all.filter(({ endedAt }) => endedAt >= since);
  const changes = recent.filter(({ kind }) => kind === "deploy" || kind === "promote");
  const succeeded = changes.filter(({ ok }) => ok);
  const leads = succeeded.flatMap(({ commit, endedAt }) => {
    const from = commit === undefined ? undefined : committedAt(commit);
    return from === undefined || from > endedAt ? [] : [(endedAt - from) / 1_000];
  });
  const bad = changes.filter((change) => !change.ok || rolledBack(change, recent));
  return {
    deployments: succeeded.length,
    leadTime: median(leads),
    changeFailureRate: changes.length === 0 ? undefined : bad.length / changes.length,
    timeToRestore: median(restorations(recent)),
  };
}

/** Stacks of one run are one change: it is done when the last one is, and failed when one has. */
function changesOf(deployments: readonly Deployment[]): Change[] {
  const runs = new Map<string, Deployment[]>();
  for (const each of deployments) {
    if (each.endedAt === undefined || each.result === "running") continue;
    runs.set(each.run, [...(runs.get(each.run) ?? []), each]);
  }
  const changes = [...runs.values()].map((stacks) => ({
    kind: stacks[0]!.kind,
    commit: stacks[0]!.revision.dirty ? undefined : stacks[0]!.revision.commit,
    ok: stacks.every(({ result }) => result === "succeeded"),
    endedAt: Math.max(...stacks.map(({ endedAt }) => Date.parse(endedAt ?? ""))),
  }));
  return changes.filter(({ endedAt }) => Number.isFinite(endedAt)).sort((a, b) => a.endedAt - b.endedAt);
}

/** Whether the next thing that was done was to go back. */
function rolledBack(change: Change, all: readonly Change[]): boolean {
  return all[all.indexOf(change) + 1]?.kind === "rollback";
}

/** Seconds of each time in which an environment was broken: from the first failure to the next success of whatever kind. */
function restorations(changes: readonly Change[]): number[] {
  const found: number[] = [];
  let brokenAt: number | undefined;
  for (const { ok, endedAt, kind } of changes) {
    if (kind === "destroy") brokenAt = undefined;
    else if (!ok) brokenAt ??= endedAt;
    else if (brokenAt !== undefined) {
      found.push((endedAt - brokenAt) / 1_000);
      brokenAt = undefined;
    }
  }
  return found;
}

/** The middle value; undefined of none. */
export function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length === 0) return undefined;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
