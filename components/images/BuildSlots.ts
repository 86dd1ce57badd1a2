import os from "node:os";

/** A build's share of memory: the provider's connection, BuildKit's copies and compression of one image (MB, measured). */
const MEMORY_PER_BUILD = 256;

/** Builds mostly wait (for the registry, for downloads), so that more of them than cores pay off. */
const BUILDS_PER_CORE = 4;

/** Fewer would serialise builds that only wait; more at once gain nothing and meet ECR's rate limits. */
const [FEWEST, MOST] = [8, 32];

/**
 * How many images are built at the same time where the setting says nothing: four for each core, as far as half of the
 * memory goes, from 8 to 32.
 *
 * @param cores of this machine
 * @param memory of this machine, bytes
 */
export function defaultParallelism(cores = os.availableParallelism(), memory = os.totalmem()): number {
  const byMemory = Math.floor(memory / 2 / (MEMORY_PER_BUILD * 1_048_576));
  return Math.min(MOST, Math.max(FEWEST, Math.min(cores * BUILDS_PER_CORE, byMemory)));
}

/** Lets so many builds run at a time. The next one waiting begins as soon as any ends, however long the others take. */
export class BuildSlots {
  private readonly waiting: (() => void)[] = [];

  /** @param free how many may run at once, from 1 */
  constructor(private free = defaultParallelism()) {}

  /** Resolves when a slot is free, and takes it. */
  async take(): Promise<void> {
    if (this.free > 0) this.free--;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  /** Gives a slot back. */
  release(): void {
    const next = this.waiting.shift();
    if (next === undefined) this.free++;
    else next();
  }
}
