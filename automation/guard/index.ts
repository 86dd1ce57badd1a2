/** The guard around a stack: one writer at a time, whatever machine it is on. docs/guard.md tells how and what it cannot do. */
import { setMaxListeners } from "node:events";
import { TributaryError } from "../errors";
import { silent, type EventSink } from "../events";
import type { ObjectStore } from "../backend";
import type { Guarded } from "./errors";
import type { Holding, Keeper } from "./holding";
import { noteLost } from "./lost";
import { parseGuard, type Holder } from "./record";
import { realSystem, type GuardSystem } from "./system";
import { take } from "./take";
import { defaultTiming, type Timing } from "./timing";

export { freeEngineLocks } from "./engineLocks";
export type { Guarded } from "./errors";
export { userName, type GuardSystem } from "./system";

/** The guard as work under it sees it. */
export type Guard = Pick<Holding, "lost" | "generation" | "owner" | "assertHeld">;

/** How a guard is taken and held. */
export interface GuardOptions {
  /** Longest wait while somebody else holds it (ms). @default 0 */
  patience?: number;
  /** Also ends the wait, and is part of the signal that the work gets. */
  signal?: AbortSignal;
  sink?: EventSink;
  /** For tests. */
  system?: GuardSystem;
  /** For tests. */
  timing?: Timing;
}

/** Key of a stack's guard, beside its state. */
export function guardKey({ project, stack }: Guarded): string {
  return `guards/${project}/${stack}.json`;
}

/**
 * Runs work on a stack while nobody else does, on any machine.
 *
 * @param store of the stack's environment (`openStore`)
 * @param command what is being done, for the others' message, e.g. `deploy dev`
 * @param work gets a signal that is aborted when the guard is lost, or with `options.signal`: it has to stop then
 * @throws TributaryError `StackGuarded` when somebody else holds it, `GuardLost`, `BackendUnreachable`; what `work` throws
 */
export async function withGuard<T>(
  store: ObjectStore,
  target: Guarded,
  command: string,
  work: (signal: AbortSignal, guard: Guard) => Promise<T>,
  options: GuardOptions = {},
): Promise<T> {
  const { sink = silent, signal, patience = 0, system = realSystem, timing = defaultTiming } = options;
  const keeper: Keeper = { store, key: guardKey(target), stack: target, system, timing };
  const tell = (text: string) => sink({ type: "message", level: "info", text });
  const { holding, lost } = await take(keeper, { command, patience, signal, tell });
  try {
    if (lost) await noteLost(store, target, lost);
    return await guardedWork(holding, work, signal);
  } finally {
    if (!(await holding.release())) {
      const text = `the guard of stack ${target.stack} could not be given back (${store.place}): it is free when this command has ended`;
      sink({ type: "message", level: "warning", text });
    }
  }
}

async function guardedWork<T>(
  holding: Holding,
  work: (signal: AbortSignal, guard: Guard) => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  const both = signal ? AbortSignal.any([signal, holding.lost]) : holding.lost;
  // Every request in flight listens to it.
  setMaxListeners(0, both);
  try {
    const result = await work(both, holding);
    holding.assertHeld();
    return result;
  } catch (error) {
    // The engine's complaint about being stopped is not the reason.
    if (holding.lost.aborted && holding.lost.reason instanceof TributaryError) throw holding.lost.reason;
    throw error;
  }
}

/** Who holds a stack's guard now, and whether that holder is known to be dead; undefined when nobody does. */
export async function guardHolder(
  store: ObjectStore,
  target: Guarded,
  system: GuardSystem = realSystem,
): Promise<(Holder & { dead: boolean }) | undefined> {
  const stored = await store.get(guardKey(target));
  const holder = stored && parseGuard(stored.text)?.holder;
  if (!stored || !holder) return undefined;
  const here = holder.machine === (await system.self()).machine;
  const dead = here
    ? !(await system.isAlive({ pid: holder.pid, start: holder.start }))
    : (await stored.age()) >= holder.lease + defaultTiming.grain;
  return { ...holder, dead };
}
