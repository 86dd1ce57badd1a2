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
  /**
   * Prints to stdout at once, for commands that go on: the document as one line with `--json`, else the text as it is. From the
   * first call on, also one without either, a Ctrl-C ends the command without an error.
   */
  print(document: unknown, text: string): void;
}

/** What a command ends with. */
export interface Outcome {
  /** The document that `--json` prints; missing where all of them were printed as they came. */
  document?: unknown;
  /** The same for people; printed to stdout as it is. */
  text: string;
  /** @default 0 */
  exitCode?: 0 | 1 | 2 | 3;
}
