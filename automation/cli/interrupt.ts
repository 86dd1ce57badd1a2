import { setMaxListeners } from "node:events";
import { TributaryError } from "../errors";

/** Longest time that the engine gets to end the step in flight after a Ctrl-C, in milliseconds. */
export const patience = 300_000;

/**
 * Signals within this time are one, in milliseconds: a Ctrl-C reaches the driver from the terminal and, under npm, once more
 * from the process that started it.
 */
const defaultEcho = 500;

/** The two functions of a process that this needs; given, so that tests do not send signals to themselves. */
export interface Host {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  /** Ends the process at once. */
  exit(code: number): void;
}

/**
 * Ctrl-C in one place. The first signal asks work to stop cleanly: unshielded work is left at once, shielded work is waited
 * for, at most `patience`. The second signal ends everything at once.
 */
export class Interruption {
  private readonly controller = new AbortController();
  private readonly shielded = new Set<() => void>();
  private abortedAt = 0;
  private leave: (error: TributaryError) => void = () => {};
  /** Rejects when a signal came and nothing shielded runs. */
  private readonly left: Promise<never>;

  constructor(
    private readonly host: Host,
    private readonly say: (text: string) => void,
    private readonly next: string,
    private readonly limit: number = patience,
    private readonly echo: number = defaultEcho,
  ) {
    this.left = new Promise((_, reject) => (this.leave = reject));
    this.left.catch(() => {});
    // Every request in flight listens to it.
    setMaxListeners(0, this.signal);
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) host.on(signal, () => this.received());
  }

  /** Aborted by the first signal. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Runs a command's work; rejects with `Interrupted` as soon as a signal allows it. */
  async race<T>(work: Promise<T>): Promise<T> {
    try {
      const result = await Promise.race([work, this.left]);
      return result;
    } catch (error) {
      if (this.signal.aborted) throw this.interrupted();
      throw error;
    }
  }

  /** See CommandContext. */
  async shield<T>(work: () => Promise<T>, kill: () => void): Promise<T> {
    if (this.signal.aborted) throw this.interrupted();
    this.shielded.add(kill);
    try {
      return await work();
    } finally {
      this.shielded.delete(kill);
      // Others may still end their step, as the engines of several stacks do.
      if (this.signal.aborted && this.shielded.size === 0) this.leave(this.interrupted());
    }
  }

  private received(): void {
    if (this.signal.aborted && performance.now() - this.abortedAt < this.echo) return;
    if (this.signal.aborted) return this.end();
    this.abortedAt = performance.now();
    this.controller.abort();
    if (this.shielded.size === 0) return this.leave(this.interrupted());
    this.say("Stopping: the step in flight is finished and the state is saved. Once more to stop at once.");
    setTimeout(() => this.end(), this.limit).unref();
  }

  private end(): void {
    for (const kill of this.shielded) kill();
    this.say(`Stopped at once. ${this.next}`);
    this.host.exit(130);
  }

  private interrupted(): TributaryError {
    return new TributaryError("interrupted before the work was done", { code: "Interrupted", next: this.next });
  }
}
