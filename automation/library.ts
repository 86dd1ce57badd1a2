import type { CommandContext } from "./commands/context";
import { silent, type EventSink } from "./events";

/** What a program of one's own may give. */
export interface LibraryOptions {
  /** Where news go; see `eventStream`. @default nowhere */
  sink?: EventSink;
  /** Ends the work in good order: engines finish the step in flight and save. @default never */
  signal?: AbortSignal;
}

/**
 * A context for the driver's functions in a program of one's own. It listens to no signals of the process: what a Ctrl-C does is
 * up to the program, through `signal`.
 *
 * @param root absolute path of the checkout
 */
export function libraryContext(root: string, { sink = silent, signal }: LibraryOptions = {}): CommandContext {
  return {
    root,
    sink,
    signal: signal ?? new AbortController().signal,
    shield: (work) => work(),
    print: () => undefined,
  };
}
