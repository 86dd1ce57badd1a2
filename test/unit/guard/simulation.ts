import type { ObjectStore, Stored } from "../../../automation/backend";
import type { GuardSystem, Self } from "../../../automation/guard/system";

interface Timer {
  at: number;
  call: () => void;
  /** Whose process has to run for it; undefined: the network's. */
  of?: Machine;
}

/** Time that goes by as fast as its events are handled. Machines in it pause, crash and have clocks of their own. */
export class World {
  time = 1_000_000;
  private timers: Timer[] = [];

  at(delay: number, call: () => void, of?: Machine): () => void {
    const timer: Timer = { at: this.time + delay, call, of };
    this.timers.push(timer);
    return () => void (this.timers = this.timers.filter((each) => each !== timer));
  }

  sleep(delay: number, of?: Machine): Promise<void> {
    return new Promise((resolve) => this.at(delay, resolve, of));
  }

  /** Lets time go by; `check` is called after every event. */
  async run(milliseconds: number, check: () => void = () => undefined): Promise<void> {
    const end = this.time + milliseconds;
    for (;;) {
      const due = this.timers.filter(({ at, of }) => at <= end && (of === undefined || of.runs));
      const next = due.reduce<Timer | undefined>((a, b) => (a === undefined || b.at < a.at ? b : a), undefined);
      if (!next) break;
      this.timers = this.timers.filter((each) => each !== next);
      this.time = Math.max(this.time, next.at);
      next.call();
      await settled();
      check();
    }
    this.time = end;
  }
}

/** Until nothing is left to do without time going by. */
export const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A process on a machine. */
export class Machine {
  runs = true;
  crashed = false;
  /** Cannot reach the store. */
  cutOff = false;
  /** What its calendar is wrong by (ms). */
  wallError = 0;
  /** Time for which its monotonic clock stood still. */
  private suspended = 0;
  private pausedAt: number | undefined;

  constructor(
    readonly world: World,
    readonly name: string,
    readonly pid: number,
    readonly all: Machine[],
  ) {
    all.push(this);
  }

  crash(): void {
    this.runs = false;
    this.crashed = true;
  }

  pause(): void {
    if (this.crashed || !this.runs) return;
    this.runs = false;
    this.pausedAt = this.world.time;
  }

  /** @param suspended whether the whole machine slept, with its monotonic clock */
  resume(suspended: boolean): void {
    if (this.pausedAt === undefined || this.crashed) return;
    if (suspended) this.suspended += this.world.time - this.pausedAt;
    this.pausedAt = undefined;
    this.runs = true;
  }

  get system(): GuardSystem {
    const { world } = this;
    const self: Self = { pid: this.pid, start: `s${this.pid}`, host: this.name, machine: this.name, user: "somebody" };
    return {
      self: () => Promise.resolve(self),
      isAlive: ({ pid }) =>
        Promise.resolve(this.all.some((each) => each.name === this.name && each.pid === pid && !each.crashed)),
      wall: () => world.time + this.wallError,
      monotonic: () => world.time - this.suspended,
      sleep: (milliseconds) => world.sleep(milliseconds, this),
      every: (milliseconds, call) => {
        let stopped = false;
        const again = () => {
          if (stopped) return;
          call();
          world.at(milliseconds, again, this);
        };
        world.at(milliseconds, again, this);
        return () => (stopped = true);
      },
      random: Math.random,
    };
  }
}

/** A store in memory, with a clock of its own, as far away as the network is slow. */
export class MemoryStore implements ObjectStore {
  readonly place = "memory";
  /** What its clock is wrong by (ms). */
  clockError = 0;
  private readonly texts = new Map<string, { text: string; version: number; written: number }>();
  private versions = 0;

  constructor(private readonly world: World) {}

  /** The store as a machine reaches it. @param delay of each way, in milliseconds */
  seenBy(machine: Machine, delay: () => number): ObjectStore {
    const far =
      <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
      async (...args: A): Promise<R> => {
        await this.world.sleep(delay());
        if (machine.cutOff) throw new Unreachable();
        const result = await call(...args);
        await this.world.sleep(delay(), machine);
        // The request took effect; its answer is lost.
        if (machine.cutOff) throw new Unreachable();
        return result;
      };
    return {
      place: this.place,
      createOnly: far(this.createOnly.bind(this)),
      replaceIf: far(this.replaceIf.bind(this)),
      swap: far(this.swap.bind(this)),
      put: far(this.put.bind(this)),
      get: far(this.get.bind(this)),
      list: far(this.list.bind(this)),
      delete: far(this.delete.bind(this)),
    };
  }

  async createOnly(key: string, text: string): Promise<boolean> {
    return (await this.swap(key, text, undefined)) !== undefined;
  }

  async replaceIf(key: string, text: string, version: string): Promise<boolean> {
    return (await this.swap(key, text, version)) !== undefined;
  }

  async swap(key: string, text: string, version: string | undefined): Promise<string | undefined> {
    const now = this.texts.get(key)?.version;
    if ((now === undefined ? undefined : String(now)) !== version) return undefined;
    await this.put(key, text);
    return String(this.versions);
  }

  async put(key: string, text: string): Promise<void> {
    this.texts.set(key, { text, version: ++this.versions, written: this.now() });
  }

  async get(key: string): Promise<Stored | undefined> {
    const found = this.texts.get(key);
    if (!found) return undefined;
    const age = Math.max(0, this.now() - found.written);
    return { text: found.text, version: String(found.version), age: () => Promise.resolve(age) };
  }

  async list(prefix: string): Promise<string[]> {
    return [...this.texts.keys()].filter((key) => key.startsWith(prefix)).sort();
  }

  async delete(key: string): Promise<void> {
    this.texts.delete(key);
  }

  private now(): number {
    return this.world.time + this.clockError;
  }
}

/** A machine that is cut off gets this. */
class Unreachable extends Error {}
