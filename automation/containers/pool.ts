import { createHash } from "node:crypto";
import type { Answer, FunctionContainer, FunctionRequest } from "./container";

/** What a function's execution environments are made from. Two that differ in anything have environments of their own. */
export interface FunctionDescription {
  /** For logs: the function's name. */
  name: string;
  imageUri: string;
  /** MB. */
  memory: number;
  /** Of /tmp, MB. */
  storage: number;
  /** The function's variables and those of Lambda. */
  environment: Record<string, string>;
  /** The function's own settings in place of the image's. */
  overrides?: { EntryPoint?: string[]; Command?: string[]; WorkingDirectory?: string };
}

/** Settings of a pool. */
export interface PoolOptions {
  /** Starts an environment. */
  create: (description: FunctionDescription) => Promise<FunctionContainer>;
  /** Environments at once, of all functions. */
  limit: number;
  /** Environments that were not used for so long are ended (ms). */
  idle: number;
}

interface Slot {
  key: string;
  container: FunctionContainer;
  timer?: NodeJS.Timeout;
}

/**
 * The execution environments of all functions. Calls of one function that overlap have environments of their own, as in
 * Lambda; where the limit is reached, an idle one of another function makes room, else the call waits.
 */
export class ContainerPool {
  private readonly idle: Slot[] = [];
  private readonly waiting: (() => void)[] = [];
  private readonly containers = new Set<FunctionContainer>();
  /** Environments, and those that are being started. */
  private count = 0;
  private closed = false;

  constructor(private readonly options: PoolOptions) {}

  /** Environments now: busy, idle and being started. */
  get size(): number {
    return this.count;
  }

  /** @throws what `create` throws */
  async invoke(description: FunctionDescription, request: FunctionRequest): Promise<Answer> {
    const key = createHash("sha256").update(JSON.stringify(description)).digest("hex");
    const container = await this.take(key, description);
    try {
      return await container.invoke(request);
    } finally {
      await this.giveBack({ key, container });
    }
  }

  /** Ends every environment; calls in progress are answered with an error, later ones are refused. */
  async close(): Promise<void> {
    this.closed = true;
    for (const { timer } of this.idle.splice(0)) clearTimeout(timer);
    await Promise.all([...this.containers].map((container) => container.end()));
    for (const wake of this.waiting.splice(0)) wake();
  }

  /** Ends every environment that has an event; later calls get new ones. */
  async endBusy(): Promise<void> {
    const idle = new Set(this.idle.map(({ container }) => container));
    const busy = [...this.containers].filter((container) => !idle.has(container));
    await Promise.all(busy.map((container) => container.end()));
  }

  private async take(key: string, description: FunctionDescription): Promise<FunctionContainer> {
    for (;;) {
      if (this.closed) throw new TypeError("the pool is closed");
      const mine = this.idle.findLastIndex((slot) => slot.key === key && !slot.container.ended);
      if (mine >= 0) {
        const [slot] = this.idle.splice(mine, 1);
        clearTimeout(slot!.timer);
        return slot!.container;
      }
      if (this.count < this.options.limit) return this.create(description);
      const oldest = this.idle.shift();
      if (oldest) await this.discard(oldest);
      else await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  private async create(description: FunctionDescription): Promise<FunctionContainer> {
    this.count++;
    try {
      const container = await this.options.create(description);
      this.containers.add(container);
      return container;
    } catch (error) {
      this.release();
      throw error;
    }
  }

  private async giveBack(slot: Slot): Promise<void> {
    if (slot.container.ended || this.closed) return this.discard(slot);
    slot.timer = setTimeout(() => {
      const index = this.idle.indexOf(slot);
      if (index >= 0) void this.discard(this.idle.splice(index, 1)[0]!);
    }, this.options.idle).unref();
    this.idle.push(slot);
    this.waiting.shift()?.();
  }

  private async discard({ container, timer }: Slot): Promise<void> {
    clearTimeout(timer);
    this.containers.delete(container);
    await container.end().finally(() => this.release());
  }

  private release(): void {
    this.count--;
    this.waiting.shift()?.();
  }
}
