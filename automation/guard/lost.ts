import type { ObjectStore } from "../backend";
import type { Guarded } from "./errors";
import type { Holder } from "./record";

/** A driver whose lease ended: its machine may be gone, or only cut off, and its engine may still run. */
export interface LostDriver {
  key: string;
  host: string;
  pid: number;
  /** Since it was taken over, by the store's clock (ms). */
  ageMs: number;
}

const folder = ({ project, stack }: Guarded) => `lost/${project}/${stack}/`;

/** Notes that a driver of another machine was taken over. */
export async function noteLost(store: ObjectStore, target: Guarded, { owner, host, pid }: Holder): Promise<void> {
  await store.createOnly(`${folder(target)}${owner}.json`, JSON.stringify({ owner, host, pid }));
}

/** All drivers of a stack that were noted and not forgotten. */
export async function lostDrivers(store: ObjectStore, target: Guarded): Promise<LostDriver[]> {
  const keys = await store.list(folder(target));
  const found = await Promise.all(
    keys.map(async (key): Promise<LostDriver | undefined> => {
      const stored = await store.get(key);
      const read = stored && parse(stored.text);
      return stored && read && { key, ...read, ageMs: await stored.age() };
    }),
  );
  return found.filter((driver) => driver !== undefined);
}

function parse(text: string): { host: string; pid: number } | undefined {
  try {
    const { host, pid } = JSON.parse(text) as { host?: unknown; pid?: unknown };
    return typeof host === "string" && typeof pid === "number" ? { host, pid } : undefined;
  } catch {
    return undefined;
  }
}
