import { randomBytes } from "node:crypto";
import type { Stored } from "../backend";
import { guarded } from "./errors";
import { Holding, momentOf, type Keeper } from "./holding";
import { guardText, parseGuard, type GuardRecord, type Holder } from "./record";
import type { Self } from "./system";
import { longestLease } from "./timing";

/** How a guard is taken. */
export interface TakeOptions {
  command: string;
  /** Longest wait while somebody else holds it (ms). Whoever is dead is waited for as long as it takes to prove that. */
  patience: number;
  signal?: AbortSignal;
  /** Told when somebody is waited for, and when somebody was taken over. */
  tell: (text: string) => void;
}

/** What is known about a guard that somebody holds, or nobody. */
type Verdict =
  /** Nobody holds it, or one who is dead. */
  | { kind: "free"; dead?: Holder; proof?: "process" | "lease" }
  /** Its lease has ended; a renewal may still come. */
  | { kind: "watch" }
  | { kind: "held"; here: boolean };

/** A version of the file, and since when nothing else was seen. */
interface Sight {
  version: string;
  since: number;
}

/** Owners of the guards that this very process holds: others with its id are left over from an attempt that failed. */
const own = new Set<string>();

/**
 * Takes the guard of a stack, as soon as it is free or its holder is proven dead.
 *
 * @returns the holding, and who was taken over by the end of a lease: an engine of that machine may still run
 * @throws TributaryError `StackGuarded` when somebody holds it for longer than `patience`
 */
export async function take(keeper: Keeper, options: TakeOptions): Promise<{ holding: Holding; lost?: Holder }> {
  const { store, key, system, timing } = keeper;
  const self = await system.self();
  const began = system.monotonic();
  let sight: Sight | undefined;
  let told = false;
  for (let attempt = 0; ; attempt++) {
    options.signal?.throwIfAborted();
    const stored = await store.get(key);
    const record = stored && parseGuard(stored.text);
    if (stored?.version !== sight?.version) sight = stored && { version: stored.version, since: system.monotonic() };
    const verdict = await judge(keeper, self, stored, record, sight);
    if (verdict.kind === "free") {
      const holding = await attemptTake(keeper, self, options.command, stored, record);
      if (holding) {
        if (verdict.dead) options.tell(takenOver(keeper.stack.stack, verdict.dead, verdict.proof));
        return { holding, ...(verdict.proof === "lease" && verdict.dead ? { lost: verdict.dead } : {}) };
      }
    } else if (verdict.kind === "held" && system.monotonic() - began >= options.patience) {
      throw guarded(keeper.stack, record?.holder, verdict.here, (await stored?.age()) ?? 0);
    }
    if (!told && verdict.kind !== "free") {
      told = true;
      options.tell(waiting(keeper.stack.stack, record?.holder, verdict.kind === "watch"));
    }
    const longest = Math.min(timing.pause.longest, timing.pause.first * 2 ** Math.min(attempt, 20));
    await system.sleep(system.random() * longest, options.signal);
  }
}

async function judge(
  { system, timing }: Keeper,
  self: Self,
  stored: Stored | undefined,
  record: GuardRecord | undefined,
  sight: Sight | undefined,
): Promise<Verdict> {
  if (!stored || !sight) return { kind: "free" };
  const holder = record?.holder;
  if (record && !holder) return { kind: "free" };
  // On one machine a process tells more than any clock.
  if (holder?.machine === self.machine) {
    const left = holder.pid === self.pid && holder.start === self.start && !own.has(holder.owner);
    const dead = left || !(await system.isAlive({ pid: holder.pid, start: holder.start }));
    return dead ? { kind: "free", dead: holder, proof: "process" } : { kind: "held", here: true };
  }
  // What counts is what was seen here: a holder that lives would have renewed, or has stopped its work by now. No two clocks
  // are compared for that.
  const unchanged = system.monotonic() - sight.since;
  if (unchanged >= timing.watch) return { kind: "free", ...(holder ? { dead: holder, proof: "lease" } : {}) };
  // By the store's clock alone: whether it is worth watching.
  const lease = Math.min(holder?.lease ?? timing.lease, longestLease) + timing.grain;
  return (await stored.age()) >= lease ? { kind: "watch" } : { kind: "held", here: false };
}

async function attemptTake(
  keeper: Keeper,
  self: Self,
  command: string,
  stored: Stored | undefined,
  record: GuardRecord | undefined,
): Promise<Holding | undefined> {
  const { store, key, system, timing } = keeper;
  const begun = momentOf(system);
  const owner = randomBytes(16).toString("hex");
  const holder: Holder = { owner, ...self, command, since: new Date(begun.wall).toISOString(), lease: timing.lease };
  const next: GuardRecord = { format: 1, generation: (record?.generation ?? 0) + 1, renewal: 0, holder };
  own.add(owner);
  const version = await store.swap(key, guardText(next), stored?.version).catch((error: unknown) => {
    own.delete(owner);
    throw error;
  });
  if (version !== undefined) return new Holding(keeper, next, version, begun, () => own.delete(owner));
  own.delete(owner);
  return undefined;
}

function takenOver(stack: string, holder: Holder, proof: "process" | "lease" | undefined): string {
  const why = proof === "process" ? "its process is gone" : `${holder.host} has given no sign of life`;
  return `took over the guard of stack ${stack} from \`${holder.command}\` (process ${holder.pid} on ${holder.host}): ${why}`;
}

function waiting(stack: string, holder: Holder | undefined, watching: boolean): string {
  const who = holder ? `\`${holder.command}\` on ${holder.host} (process ${holder.pid})` : "somebody";
  return watching
    ? `the guard of stack ${stack} was left by ${who}; making sure that no sign of life comes any more`
    : `waiting for the guard of stack ${stack}, which ${who} holds`;
}
