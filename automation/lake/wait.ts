import { setTimeout as sleep } from "node:timers/promises";
import { TributaryError } from "../errors";
import type { Progress } from "../events";
import type { Lake } from "./connect";
import { HistoryReader, readItems } from "./history";
import { itemsOf, matchItem, outcomeOf, type ObjectItem, type ObjectOutcome, type SentObject } from "./objects";

/** Shortest time between two looks, in milliseconds. */
const pause = 250;
/** A pause is so many times as long as the look before it: looking must not slow down what it waits for. */
const rest = 5;
/** How many of the longest waiting objects are looked up directly in a look, and every how many looks while there are more. */
const direct = { objects: 10, every: 8 };

/** The outcome of each object that has one, by key. */
export type Outcomes = Map<string, ObjectOutcome>;

/** Options of a wait. */
export interface WaitOptions {
  /** Longest wait, in seconds. */
  timeout: number;
  signal: AbortSignal;
  progress: Progress;
  /** Called with what is still pending after a timeout. */
  env: string;
}

/**
 * Waits until every object has its final outcome.
 *
 * The dataset's execution history tells which object versions came to an end since the last look (one request for many
 * objects); their items are then read in batches. A few of the longest waiting are also looked up directly now and then,
 * so that nothing depends on the history alone. Where no more are waited for, that is all: the history may be long.
 *
 * @throws TributaryError `WaitTimedOut` naming what is pending
 */
export async function waitForOutcomes(
  lake: Lake,
  dataset: string,
  objects: SentObject[],
  options: WaitOptions,
): Promise<Outcomes> {
  const pending = new PendingObjects(objects);
  const history = new HistoryReader(lake, dataset);
  const until = Date.now() + options.timeout * 1000;
  for (let turn = 0; pending.size > 0; turn++) {
    const looked = performance.now();
    const few = pending.size <= direct.objects;
    if (!few) {
      const candidates = (await history.news()).filter(({ keyId }) => pending.has(keyId));
      pending.settle(await readItems(lake, candidates));
      history.forget(({ keyId }) => !pending.has(keyId));
    }
    if (few || turn % direct.every === 0) {
      const items = await Promise.all(pending.oldest(direct.objects).map((id) => itemsOf(lake, id)));
      pending.settle(items.flat());
    }
    const done = objects.length - pending.size;
    options.progress(`${done} of ${objects.length} have their outcome`, { done, total: objects.length });
    if (pending.size === 0) break;
    if (Date.now() > until) throw timedOut(pending.left, options);
    // The first look reads the history from minutes ago on, the others what is new.
    const took = turn === 0 ? 0 : performance.now() - looked;
    await sleep(Math.max(pause, rest * took), undefined, { signal: options.signal });
  }
  return pending.outcomes;
}

/** The objects that are waited for, and the outcomes that were found. */
export class PendingObjects {
  readonly outcomes: Outcomes = new Map();
  private readonly waiting: Map<string, SentObject>;

  constructor(objects: SentObject[]) {
    this.waiting = new Map(objects.map((object) => [object.keyId, object]));
  }

  get size(): number {
    return this.waiting.size;
  }

  get left(): SentObject[] {
    return [...this.waiting.values()];
  }

  has(id: string): boolean {
    return this.waiting.has(id);
  }

  /** Key ids of those that have waited longest. */
  oldest(count: number): string[] {
    return [...this.waiting.keys()].slice(0, count);
  }

  /** Takes note of items that were read; those that are final and belong to a waiting object end its wait. */
  settle(items: ObjectItem[]): void {
    for (const [id, own] of group(items)) {
      const object = this.waiting.get(id);
      const outcome = object && outcomeOf(matchItem(object, own));
      if (!object || !outcome) continue;
      this.outcomes.set(object.key, outcome);
      this.waiting.delete(id);
    }
  }
}

function group(items: ObjectItem[]): Map<string, ObjectItem[]> {
  const groups = new Map<string, ObjectItem[]>();
  for (const item of items) groups.set(item.keyId, [...(groups.get(item.keyId) ?? []), item]);
  return groups;
}

function timedOut(pending: SentObject[], { timeout, env }: WaitOptions): TributaryError {
  const names = pending
    .slice(0, 10)
    .map(({ key }) => `\n  ${key}`)
    .join("");
  const more = pending.length > 10 ? `\n  and ${pending.length - 10} more` : "";
  return new TributaryError(`${pending.length} objects had no outcome after ${timeout} s:${names}${more}`, {
    code: "WaitTimedOut",
    source: "cloud",
    next: `they go on: tributary executions ${env} shows how far they are; --timeout waits longer`,
  });
}
