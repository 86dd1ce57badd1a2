import PQueue from "p-queue";
import { isFinal } from "./errors";

/** What became of one item. */
export type Result<Item, Value> =
  | { item: Item; value: Value }
  | { item: Item; error: unknown; final: boolean }
  /** Not tried, because an earlier one of its group has to be tried again. */
  | { item: Item; deferred: true };

/**
 * Does the work for every item: groups at the same time, the items of a group in their order. After an error that may pass
 * the rest of the group waits, for order's sake; after a final one the group goes on.
 *
 * @param concurrency how many at the same time
 * @returns one result for each item, in the order of the items; never throws for an item's sake
 */
export async function inGroups<Item, Value>(
  items: readonly Item[],
  options: { group: (item: Item) => string; concurrency: number },
  work: (item: Item) => Promise<Value>,
): Promise<Result<Item, Value>[]> {
  const results = new Map<number, Result<Item, Value>>();
  const queue = new PQueue({ concurrency: options.concurrency });
  const groups = groupIndexes(items, options.group);
  await queue.addAll([...groups.values()].map((indexes) => () => oneGroup(items, indexes, results, work)));
  return items.map((_, index) => results.get(index) as Result<Item, Value>);
}

async function oneGroup<Item, Value>(
  items: readonly Item[],
  indexes: number[],
  results: Map<number, Result<Item, Value>>,
  work: (item: Item) => Promise<Value>,
): Promise<void> {
  let waiting = false;
  for (const index of indexes) {
    const item = items[index] as Item;
    if (waiting) {
      results.set(index, { item, deferred: true });
      continue;
    }
    try {
      results.set(index, { item, value: await work(item) });
    } catch (error) {
      const final = isFinal(error);
      results.set(index, { item, error, final });
      waiting = !final;
    }
  }
}

/**
 * Which items have to wait, because an earlier one of their group is to be tried again.
 *
 * @param retried whether an item is to be tried again
 */
export function waiting<Item>(
  items: readonly Item[],
  group: (item: Item) => string,
  retried: (item: Item) => boolean,
): Set<Item> {
  const blocked = new Set<string>();
  const found = new Set<Item>();
  for (const item of items) {
    if (blocked.has(group(item))) found.add(item);
    else if (retried(item)) blocked.add(group(item));
  }
  return found;
}

function groupIndexes<Item>(items: readonly Item[], group: (item: Item) => string): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  items.forEach((item, index) => {
    const name = group(item);
    const indexes = groups.get(name);
    if (indexes) indexes.push(index);
    else groups.set(name, [index]);
  });
  return groups;
}
