import type { EventSink } from "../events";

/** What every command gets. */
export interface CommandContext {
  /** Absolute path of the checkout. */
  root: string;
  /** Where news go. */
  sink: EventSink;
  /** Aborted by the first Ctrl-C: stop cleanly. */
  signal: AbortSignal;
  /**
   * Runs work that must not be left in the middle, such as a deployment: after a Ctrl-C the driver waits for it (it has to
   * heed `signal`), and `kill` ends it the hard way at a second Ctrl-C.
   */
  shield<T>(work: () => Promise<T>, kill: () => void): Promise<T>;
}

/** What a command ends with. */
export interface Outcome {
  /** The document that `--json` prints. */
  document: unknown;
  /** The same for people; printed to stdout as it is. */
  text: string;
  /** @default 0 */
  exitCode?: 0 | 1 | 2 | 3;
}
