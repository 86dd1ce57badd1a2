import { createRequire } from "node:module";
import type { PulumiFn } from "@pulumi/pulumi/automation";

/** How the engine's library tells its runs in one process apart: by what is carried along asynchronous calls. */
interface RunState {
  getLocalStore(): object | undefined;
}

type Listener = (...args: unknown[]) => void;

const events = ["unhandledRejection", "uncaughtException"] as const;

/** The listeners that each run of the library installed for itself. */
const installed = new WeakMap<object, Listener>();
let state: RunState | undefined;

/**
 * Keeps the errors of stacks apart that are worked on in one process. The Automation API listens for errors that nobody
 * handles, once for each run, and blames every run with each of them: when one region fails and its engine ends, its
 * neighbours would fail with "Resource monitor is terminating". Here an error counts for the run that it comes from.
 */
export class Isolation {
  private ended = false;
  private readonly replaced: { event: string; listener: Listener }[] = [];

  /** The program, to be given to the Automation API in its place. */
  around(program: PulumiFn): PulumiFn {
    const { getLocalStore } = watch();
    return async () => {
      const own = getLocalStore();
      const listener = own && installed.get(own);
      if (own && listener) this.replace(own, listener, getLocalStore);
      return program();
    };
  }

  /** To be called when the run is over: what comes late is of no interest any more. */
  end(): void {
    this.ended = true;
    // Rejections are told after the engine has gone; without any listener they would end the process.
    const late = setTimeout(() => {
      for (const { event, listener } of this.replaced) process.off(event, listener);
    }, lateMs);
    late.unref();
  }

  private replace(own: object, listener: Listener, current: RunState["getLocalStore"]): void {
    const filtered: Listener = (...args) => {
      const from = current();
      // What comes from no run known concerns them all.
      if (!this.ended && (from === undefined || from === own)) listener(...args);
    };
    for (const event of events) {
      process.off(event, listener);
      process.on(event, filtered);
      this.replaced.push({ event, listener: filtered });
    }
  }
}

/** How long after a run its late errors are still swallowed (ms). */
const lateMs = 10_000;

/** Notes which run installs which listener. */
function watch(): RunState {
  if (state) return state;
  // Loaded with the engine's library, which takes half a second.
  const found = createRequire(__filename)("@pulumi/pulumi/runtime/state") as RunState;
  process.on("newListener", (event: string | symbol, listener: Listener) => {
    const own = event === "unhandledRejection" ? found.getLocalStore() : undefined;
    if (own && !installed.has(own)) installed.set(own, listener);
  });
  state = found;
  return found;
}
