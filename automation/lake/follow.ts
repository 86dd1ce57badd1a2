import { setTimeout as sleep } from "node:timers/promises";
import PQueue from "p-queue";
import type { Lake } from "./connect";
import { matches, toExecution, type Execution, type ExecutionFilter } from "./executions";
import { HistoryCursor } from "./history";

/** Pauses between two looks at a dataset (ms): shortest, longest, and how they grow while nothing comes. */
const pauses = { first: 500, longest: 8_000, growth: 1.5 };
/** Datasets that are looked at at the same time. */
const concurrency = 16;

/** How a tail goes on and ends. */
export interface FollowOptions extends Omit<ExecutionFilter, "until"> {
  /** Ends it. */
  signal: AbortSignal;
  /** @default the pauses of this file */
  pauses?: typeof pauses;
}

/** A dataset that is looked at now and then. */
interface Followed {
  cursor: HistoryCursor;
  pause: number;
  /** When it is looked at next (ms since 1970). */
  due: number;
}

/**
 * Executions as they come, oldest first, from `since` or now on, until the signal or `limit`. A dataset in which nothing happens
 * is asked less and less often, down to every 8 seconds; each question is one query of what is new.
 */
export async function* follow(lake: Lake, filter: FollowOptions): AsyncGenerator<Execution> {
  const { signal, limit = Infinity, since = Date.now() } = filter;
  const rhythm = filter.pauses ?? pauses;
  const followed = filter.datasets.map((name) => ({
    cursor: new HistoryCursor(lake, name, since),
    pause: rhythm.first,
    due: 0,
  }));
  const queue = new PQueue({ concurrency });
  for (let told = 0; told < limit && !signal.aborted;) {
    const now = Date.now();
    const due = followed.filter((one) => one.due <= now);
    const news = await queue.addAll(due.map((one) => () => look(one, filter, rhythm)));
    for (const execution of news.flat().sort((a, b) => (a.endedAt < b.endedAt ? -1 : 1))) {
      if (told++ < limit) yield execution;
    }
    const next = Math.min(...followed.map(({ due: each }) => each), Date.now() + rhythm.longest);
    if (told < limit) await rest(next - Date.now(), signal);
  }
}

async function look(one: Followed, filter: FollowOptions, rhythm: typeof pauses): Promise<Execution[]> {
  const entries = await one.cursor.read();
  one.pause = entries.length > 0 ? rhythm.first : Math.min(rhythm.longest, one.pause * rhythm.growth);
  one.due = Date.now() + one.pause;
  return entries.filter((entry) => matches(entry, filter)).map(toExecution);
}

/** Waits, or returns as soon as the signal comes. */
async function rest(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(Math.max(0, milliseconds), undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
