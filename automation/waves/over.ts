import PQueue from "p-queue";
import type { Environment } from "../stacks/environments";

/** What became of work on one stack. */
export type Settled<T> =
  | { status: "done"; value: T }
  | { status: "failed"; error: unknown }
  /** Work had stopped before its turn came. */
  | { status: "not started" };

/** How work goes over stacks. */
export interface Order {
  /** Most stacks at a time. */
  parallel: number;
  /** Whether no further work is begun: after a Ctrl-C. */
  stopped: () => boolean;
  /** Stacks that nothing is done with: they count as done. */
  skip?: ReadonlyMap<string, string>;
  /**
   * Called when all of a wave is done.
   *
   * @returns whether the next wave may begin
   */
  afterWave?: (wave: Environment[]) => Promise<boolean>;
}

/** What came of work on stacks. */
export interface Outcome<T> {
  /** By the stacks' names; without those that were skipped. */
  settled: Map<string, Settled<T>>;
  /** Number of the wave in which something failed, from 0; undefined when nothing did. */
  failedWave?: number;
}

/**
 * Works on stacks wave by wave: those of one wave side by side, the next wave when all of the one before is done and nothing of
 * it failed. What runs beside a failure comes to its own end. Never rejects for what a stack's work throws.
 */
export async function overWaves<T>(
  waves: Environment[][],
  { parallel, stopped, skip = new Map(), afterWave }: Order,
  work: (stack: Environment) => Promise<T>,
): Promise<Outcome<T>> {
  const settled = new Map<string, Settled<T>>();
  const chosen = (wave: Environment[]) => wave.filter(({ name }) => !skip.has(name));
  for (const { name } of waves.flatMap(chosen)) settled.set(name, { status: "not started" });
  for (const [index, wave] of waves.entries()) {
    const queue = new PQueue({ concurrency: parallel });
    await queue.addAll(
      chosen(wave).map((stack) => async () => {
        if (!stopped()) settled.set(stack.name, await settle(work(stack)));
      }),
    );
    if (stopped()) break;
    const done = chosen(wave).every(({ name }) => settled.get(name)!.status === "done");
    if (!done || !((await afterWave?.(wave)) ?? true)) return { settled, failedWave: index };
  }
  return { settled };
}

function settle<T>(work: Promise<T>): Promise<Settled<T>> {
  return work.then(
    (value) => ({ status: "done", value }),
    (error: unknown) => ({ status: "failed", error }),
  );
}
