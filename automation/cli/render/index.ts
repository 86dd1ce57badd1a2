import type { EventSink } from "../../events";
import { LiveRenderer } from "./live";
import { PlainRenderer } from "./plain";

/** What a renderer writes to: a terminal, a pipe, or a test's list. */
export interface Target {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
  rows?: number;
}

/** Shows events. */
export interface Renderer {
  sink: EventSink;
  /** Ends the display; may be called more than once. */
  close(): void;
}

/** The live display on a terminal, plain lines elsewhere; with the time of day where it is read later, as in CI. */
export function createRenderer(options: { stream: NodeJS.WriteStream; live: boolean; clock?: boolean }): Renderer {
  if (options.live) return new LiveRenderer(options.stream);
  return new PlainRenderer(options.stream, undefined, options.clock ? () => new Date() : undefined);
}
