import { TributaryError } from "../errors";
import type { EventSink } from "../events";
import type { Backend, Stored } from "../backend";
import { parseLock, type StackLock } from "../stacks/locks";
import { ends, identify, type ProcessIdentity } from "../stacks/processes";
import type { Guarded } from "./errors";
import { lostDrivers, type LostDriver } from "./lost";
import { programOf, realSystem, type GuardSystem } from "./system";

/**
 * How long an engine may outlive its driver's lease on another machine (ms): it ends its step in flight, saves and unlocks by
 * itself. Most resources are made in less; nobody can look whether it still runs there.
 */
export const engineGrace = 15 * 60_000;

/** How long an engine of this machine, whose driver is gone, may take to end by itself (ms). */
const patience = 120_000;

/** What can be replaced in tests. */
export interface LockOptions {
  signal?: AbortSignal;
  system?: GuardSystem;
  patience?: number;
}

/**
 * Removes the engine's own locks that dead runs left on a stack; to be called under the stack's guard, before an engine
 * starts. An engine of this machine that lost its driver is waited for. Locks of other machines go when their driver was
 * taken over at least 15 minutes ago. Does nothing where the state is out of our reach.
 *
 * @throws TributaryError `StackLocked` for a lock of which nobody knows that its owner is dead
 */
export async function freeEngineLocks(
  { engine, files }: Pick<Backend, "engine" | "files">,
  target: Guarded,
  sink: EventSink,
  { signal, system = realSystem, patience: longest = patience }: LockOptions = {},
): Promise<void> {
  if (!engine) return;
  const keys = (await engine.list(`locks/organization/${target.project}/${target.stack}/`)).filter((key) =>
    key.endsWith(".json"),
  );
  const drivers = await lostDrivers(files, target);
  for (const key of keys) {
    const stored = await engine.get(key);
    if (!stored) continue;
    const lock = parseLock(stored.text);
    const reason = await whyDead({ lock, stored, drivers, system, sink, signal, patience: longest });
    if (reason === undefined) throw locked(target, lock, `${engine.place}${key}`, drivers);
    await Promise.all([engine.delete(key), engine.delete(`${key}.attrs`)]);
    const text = `removed the engine's lock on ${target.stack} (process ${lock?.pid ?? "unknown"} on ${lock?.hostname ?? "unknown"}): ${reason}`;
    sink({ type: "message", level: "info", text });
  }
  await Promise.all(drivers.filter(({ ageMs }) => ageMs > engineGrace).map(({ key }) => files.delete(key)));
}

interface Question {
  lock: ReturnType<typeof parseLock>;
  stored: Stored;
  drivers: LostDriver[];
  system: GuardSystem;
  sink: EventSink;
  signal: AbortSignal | undefined;
  patience: number;
}

/** Why a lock's owner cannot run any more; undefined when nobody knows. */
async function whyDead(question: Question): Promise<string | undefined> {
  const { lock, stored, drivers } = question;
  if (!lock) return "it was cut off while it was written, which only a dead process leaves";
  const ofHost = drivers.filter(({ host }) => host === lock.hostname);
  if (ofHost.length > 0) {
    const age = await stored.age();
    const older = ofHost.find(({ ageMs }) => ageMs >= engineGrace && age >= ageMs);
    return older && `its driver has given no sign of life for over ${minutes(older.ageMs)} minutes`;
  }
  const { host } = await question.system.self();
  if (lock.hostname !== host) return undefined;
  const engine = await runningEngine(lock);
  if (!engine) return "its process is gone";
  const text = `waiting for an engine that works on the stack without a driver (process ${lock.pid})`;
  question.sink({ type: "message", level: "info", text });
  return (await endsWithin(engine, question)) ? "its process has ended" : undefined;
}

/** The engine that wrote a lock of this machine, if it runs: a process of another program only got its id. */
async function runningEngine({ pid }: StackLock): Promise<ProcessIdentity | undefined> {
  const [identity, program] = await Promise.all([identify(pid), programOf(pid)]);
  return program?.startsWith("pulumi") ? identity : undefined;
}

async function endsWithin(engine: ProcessIdentity, { signal, patience: longest }: Question): Promise<boolean> {
  const until = performance.now() + longest;
  while (performance.now() < until) {
    signal?.throwIfAborted();
    if (await ends(engine, Math.min(1_000, longest))) return true;
  }
  return false;
}

function locked(target: Guarded, lock: StackLock | undefined, file: string, drivers: LostDriver[]): TributaryError {
  const lost = drivers.find(({ host }) => host === lock?.hostname);
  const wait = lost && minutes(engineGrace - lost.ageMs) + 1;
  const next =
    wait === undefined
      ? "wait until it has ended; if you know that it is dead, remove that file and run the command again"
      : `that machine has given no sign of life, but its engine may still end its step: run the command again in ${wait} minutes, then the lock is removed`;
  return new TributaryError(
    `the stack ${target.stack} is locked by the engine of process ${lock?.pid} on ${lock?.hostname} since ${lock?.timestamp} (${file})`,
    { code: "StackLocked", next },
  );
}

const minutes = (milliseconds: number) => Math.floor(Math.max(0, milliseconds) / 60_000);
