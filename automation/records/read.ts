import PQueue from "p-queue";
import type { ObjectStore } from "../backend";
import { guardHolder, type GuardSystem } from "../guard";
import { parseRecord, type BeginRecord, type Deployment, type EndRecord, type UnreadableRecord } from "./types";
import { recordFolder } from "./write";

/** Records of some stacks, newest first. */
export interface History {
  deployments: Deployment[];
  /** Files among them that are none: named, and left alone. */
  unreadable: UnreadableRecord[];
}

/** What is read. */
export interface HistoryOptions {
  /** At most so many of each stack, the newest. @default all */
  limit?: number;
  /** For tests. */
  system?: GuardSystem;
}

/** Files read at a time. */
const atOnce = 16;

/**
 * What was done to some stacks. A begin without an end is `running` while its guard is held, else `interrupted`.
 *
 * @throws TributaryError `BackendUnreachable`
 */
export async function history(
  store: ObjectStore,
  project: string,
  stacks: string[],
  options: HistoryOptions = {},
): Promise<History> {
  const each = await Promise.all(stacks.map((stack) => ofStack(store, project, stack, options)));
  const deployments = each.flatMap((found) => found.deployments);
  // Begin times of several machines: good for showing; within a stack ids are in the true order.
  deployments.sort((a, b) => (a.id < b.id ? 1 : -1));
  return { deployments, unreadable: each.flatMap(({ unreadable }) => unreadable) };
}

/** The newest record of a stack; undefined when nothing was ever done to it. */
export async function lastRecord(
  store: ObjectStore,
  project: string,
  stack: string,
  options: Pick<HistoryOptions, "system"> = {},
): Promise<Deployment | undefined> {
  return (await ofStack(store, project, stack, { ...options, limit: 1 })).deployments[0];
}

const name = /^(\d{8}T\d{9}Z-[0-9a-f]{6,})\.(begin|end)\.json$/;

async function ofStack(
  store: ObjectStore,
  project: string,
  stack: string,
  { limit = Infinity, system }: HistoryOptions,
): Promise<History> {
  const folder = recordFolder(project, stack);
  const keys = await store.list(folder);
  const ids = [...new Set(keys.flatMap((key) => name.exec(key.slice(folder.length))?.[1] ?? []))].sort().reverse();
  const strangers = keys.filter((key) => !name.test(key.slice(folder.length)));
  const unreadable: UnreadableRecord[] = strangers.map((key) => ({ key, reason: "its name is none of a record" }));
  const holder = ids.length > 0 ? await guardHolder(store, { project, stack }, system) : undefined;
  const running = holder && !holder.dead ? holder.owner : undefined;
  const queue = new PQueue({ concurrency: atOnce });
  const deployments: Deployment[] = [];
  const there = new Set(keys);
  // In portions, because what cannot be read does not count.
  for (let at = 0; at < ids.length && deployments.length < limit; at += limit) {
    const portion = ids.slice(at, at + limit);
    const read = await Promise.all(portion.map((id) => queue.add(() => readPair(store, `${folder}${id}`, there))));
    for (const pair of read) {
      unreadable.push(...pair.unreadable);
      if (pair.begin) deployments.push(joined(pair.begin, pair.end, running));
    }
    if (limit === Infinity) break;
  }
  return { deployments: deployments.slice(0, limit), unreadable };
}

interface Pair {
  begin?: BeginRecord;
  end?: EndRecord;
  unreadable: UnreadableRecord[];
}

async function readPair(store: ObjectStore, base: string, there: Set<string>): Promise<Pair> {
  const pair: Pair = { unreadable: [] };
  for (const event of ["begin", "end"] as const) {
    const key = `${base}.${event}.json`;
    const stored = there.has(key) ? await store.get(key) : undefined;
    if (!stored) continue;
    const record = parseRecord(stored.text);
    if ("reason" in record) pair.unreadable.push({ key, reason: record.reason });
    else if (record.event !== event) pair.unreadable.push({ key, reason: `it holds a record of "${record.event}"` });
    else if (record.event === "begin") pair.begin = record;
    else pair.end = record;
  }
  if (!pair.begin && pair.end) pair.unreadable.push({ key: `${base}.end.json`, reason: "its begin is missing" });
  return pair;
}

function joined(begin: BeginRecord, end: EndRecord | undefined, running: string | undefined): Deployment {
  if (end) return { ...begin, ...end, format: 1, event: "begin" };
  const goesOn = begin.guard !== undefined && begin.guard.owner === running;
  return { ...begin, result: goesOn ? "running" : "interrupted" };
}
