import { digest, sortable } from "../identity";
import type { HandedOver } from "../messages";
import { CURRENT, readItems, type CurrentItem } from "./metadata";

/** The items that say which version of each key is current, by the key's id. */
export async function readCurrents(items: Pick<HandedOver, "keyId">[]): Promise<Map<string, CurrentItem>> {
  const found = await readItems<CurrentItem>(items.map(({ keyId }) => ({ keyId, version: CURRENT })));
  return new Map([...found.values()].map((current) => [current.keyId, current]));
}

/** Whether a later version of the key than this one is current. */
export function isLater(current: CurrentItem | undefined, item: HandedOver): boolean {
  if (current === undefined || current.current === item.version) return false;
  const mine = sortable(item.sequencer);
  return current.sequencer > mine || (current.sequencer === mine && current.current > item.version);
}

/** Which version was current, in few characters; empty when none was. */
export function nameOf(current: CurrentItem | undefined): string {
  return current === undefined ? "" : digest(current.current, 16);
}
