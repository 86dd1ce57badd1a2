import { NoRoom } from "../engines/capacity";
import { inGroups, type Result } from "../groups";

/** There was no room for an object while others were worked on: that says nothing about the object. */
class Crowded extends Error {}

/**
 * Does the work for every item as {@link inGroups} does. An item for which there was no room beside others is done once more with
 * nothing beside it, and so is what waits behind it in its group; only then is it too large.
 *
 * @param work throws NoRoom where there is none
 */
export async function withRoom<Item, Value>(
  items: readonly Item[],
  options: { group: (item: Item) => string; concurrency: number },
  work: (item: Item) => Promise<Value>,
): Promise<Result<Item, Value>[]> {
  const groups = new Set(items.map(options.group));
  if (options.concurrency === 1 || groups.size === 1) return inGroups(items, options, work);
  const first = await inGroups(items, options, (item) =>
    work(item).catch((error: unknown) => {
      throw error instanceof NoRoom ? new Crowded(error.message) : error;
    }),
  );
  const crowded = new Set(first.filter(isCrowded).map(({ item }) => options.group(item)));
  const isOpen = (result: Result<Item, Value>) =>
    crowded.has(options.group(result.item)) && (isCrowded(result) || "deferred" in result);
  const again = first.filter(isOpen).map(({ item }) => item);
  if (again.length === 0) return first;
  const second = await inGroups(again, { ...options, concurrency: 1 }, work);
  return first.map((result) => (isOpen(result) ? (second[again.indexOf(result.item)] as Result<Item, Value>) : result));
}

function isCrowded(result: Result<unknown, unknown>): boolean {
  return "error" in result && result.error instanceof Crowded;
}
