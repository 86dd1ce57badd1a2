import { strict as assert } from "node:assert";
import fc from "fast-check";
import { withGuard, type Guard } from "../../../automation/guard";
import { defaultTiming } from "../../../automation/guard/timing";
import { Machine, MemoryStore, settled, World } from "./simulation";

/** Processes on hosts: two share one. */
const places = ["alpha", "alpha", "beta", "gamma"];
/** Fewer looks at the time than in reality make it fast; what is checked is checked at every event. */
const timing = { ...defaultTiming, tick: 2_500 };

type Event =
  | { kind: "pause" | "suspend" | "crash" | "cut off"; who: number; lasts: number }
  | { kind: "wall clock" | "store clock"; who: number; by: number };

const who = fc.nat(places.length - 1);
const lasts = fc.integer({ min: 500, max: 300_000 });
const by = fc.integer({ min: -3_600_000, max: 3_600_000 });
const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ kind: fc.constantFrom("pause", "suspend", "crash", "cut off"), who, lasts }),
  fc.record({ kind: fc.constantFrom("wall clock", "store clock"), who, by }),
);
const history = fc.array(fc.record({ after: fc.integer({ min: 0, max: 120_000 }), event }), { maxLength: 12 });

/** Takes the guard again and again, works under it, and looks before each thing it does whether it still may. */
class Worker {
  taken = 0;
  private guard: Guard | undefined;
  private generations: number[] = [];

  constructor(
    private readonly machine: Machine,
    private readonly store: MemoryStore,
    private readonly random: () => number,
  ) {
    void this.work();
  }

  /** Whether it would change the stack now. */
  get writes(): boolean {
    if (!this.guard || !this.machine.runs) return false;
    try {
      this.guard.assertHeld();
      return true;
    } catch {
      return false;
    }
  }

  get lastGeneration(): number {
    return this.generations.at(-1) ?? 0;
  }

  private async work(): Promise<void> {
    const { machine, random } = this;
    const store = this.store.seenBy(machine, () => random() * 1_500);
    const system = { ...machine.system, random };
    const options = { patience: Infinity, system, timing };
    for (;;) {
      await withGuard(store, { project: "p", stack: "s" }, "test", (signal, guard) => this.hold(signal, guard), options)
        .catch(() => undefined)
        .finally(() => (this.guard = undefined));
      await machine.world.sleep(random() * 5_000, machine);
    }
  }

  private async hold(signal: AbortSignal, guard: Guard): Promise<void> {
    this.guard = guard;
    this.taken++;
    this.generations.push(guard.generation);
    const until = this.machine.world.time + this.random() * 90_000;
    while (this.machine.world.time < until && !signal.aborted) await this.machine.world.sleep(2_000, this.machine);
    this.guard = undefined;
  }
}

class Trial {
  readonly world = new World();
  private readonly store = new MemoryStore(this.world);
  private readonly machines: Machine[] = [];
  readonly workers: Worker[] = [];
  private pids = 100;

  constructor(private readonly random: () => number) {
    places.forEach((_, index) => this.start(index));
  }

  private start(place: number): void {
    const machine = new Machine(this.world, places[place]!, this.pids++, this.all);
    this.machines[place] = machine;
    this.workers[place] = new Worker(machine, this.store, this.random);
  }

  private readonly all: Machine[] = [];

  happens(given: Event): void {
    const machine = this.machines[given.who]!;
    if ("lasts" in given) this.strikes(machine, given);
    else if (given.kind === "wall clock") machine.wallError += given.by;
    else this.store.clockError += given.by;
  }

  private strikes(machine: Machine, given: Extract<Event, { lasts: number }>): void {
    if (given.kind === "crash") {
      machine.crash();
      this.world.at(given.lasts, () => machine === this.machines[given.who] && this.start(given.who));
    } else if (given.kind === "cut off") {
      machine.cutOff = true;
      this.world.at(given.lasts, () => (machine.cutOff = false));
    } else {
      machine.pause();
      this.world.at(given.lasts, () => machine.resume(given.kind === "suspend"));
    }
  }

  readonly check = (): void => {
    const writers = this.workers.filter(({ writes }) => writes);
    assert.ok(writers.length <= 1, `${writers.length} write at the same time`);
  };

  taken(): number[] {
    return this.workers.map(({ taken }) => taken);
  }
}

/** A generator of its own for each trial, so that a failing one can be run again. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe("guard: histories with crashes, pauses, cut lines and wrong clocks", function () {
  this.timeout(20_000);

  it("never has two writers, and shuts nobody out for ever", async () => {
    await fc.assert(
      fc.asyncProperty(history, fc.integer(), async (events, seed) => {
        const trial = new Trial(generator(seed));
        for (const { after, event: given } of events) {
          await trial.world.run(after, trial.check);
          trial.happens(given);
          await settled();
          trial.check();
        }
        // Longest thing that lasts, then a lease, and a turn for everybody.
        await trial.world.run(320_000, trial.check);
        const before = trial.taken();
        await trial.world.run(3_600_000, trial.check);
        trial.taken().forEach((taken, index) => assert.ok(taken > before[index]!, `${index} never got it again`));
      }),
      { numRuns: Number(process.env.HISTORIES ?? 5) },
    );
  });
});
