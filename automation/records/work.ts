import { messageOf, TributaryError } from "../errors";
import type { EventSink } from "../events";
import type { Backend } from "../backend";
import { freeEngineLocks, withGuard, type Guard } from "../guard";
import type { BeginRecord } from "./types";
import { beginRecord, endRecord, type Beginning, type Ending } from "./write";
import { secondsSince } from "../events";
import { noChanges } from "../stacks/progress";

/** Where recorded work is done. */
export interface WorkPlace {
  /** Of the stack's environment. */
  backend: Backend;
  sink: EventSink;
  /** Ends the work in good order. */
  signal: AbortSignal;
  /** Longest wait while another command works on the stack (ms). @default 0 */
  patience?: number;
}

/** What recorded work came to; seconds, result and error are added. */
export type WorkEnding = Omit<Ending, "result" | "seconds" | "error">;

/** What work under a guard gets. */
export interface UnderGuard {
  /** Aborted by a Ctrl-C, and when the guard is lost: for the engine. */
  signal: AbortSignal;
  guard: Guard;
  begin: BeginRecord;
}

/**
 * Everything that stands around a change of a stack: takes its guard, removes the engine's locks that dead runs left, writes
 * down the begin, does the work, writes down the end however it ended, and lets go of the guard.
 *
 * @param command for others' messages, e.g. `deploy dev`
 * @param work returns its value, and what the end record tells
 * @param failed what the end record tells of work that threw. @default no changes
 * @throws TributaryError `StackGuarded`, `GuardLost`, `StackLocked`, `BackendUnreachable`; what `work` throws
 */
export function recordedWork<T>(
  { backend, sink, signal, patience }: WorkPlace,
  command: string,
  beginning: Omit<Beginning, "guard">,
  work: (under: UnderGuard) => Promise<{ value: T; ending: WorkEnding }>,
  failed: () => WorkEnding = () => ({ changes: noChanges }),
): Promise<T> {
  const { project, target } = beginning;
  const stack = { project, stack: target.stack };
  if (backend.warning) sink({ type: "message", level: "warning", text: backend.warning });
  const run = async (both: AbortSignal, guard: Guard): Promise<T> => {
    await freeEngineLocks(backend, stack, sink, { signal: both });
    guard.assertHeld();
    const begin = await beginRecord(backend.files, { ...beginning, guard });
    const started = performance.now();
    const end = (ending: Omit<Ending, "seconds">) =>
      endRecord(backend.files, begin, { ...ending, seconds: secondsSince(started) });
    let done: { value: T; ending: WorkEnding };
    try {
      done = await work({ signal: both, guard, begin });
    } catch (error) {
      await end({ ...failed(), ...failureOf(error, both) }).catch((reason: unknown) => tellUnwritten(sink, reason));
      throw error;
    }
    await end({ ...done.ending, result: "succeeded" });
    return done.value;
  };
  return withGuard(backend.files, stack, command, run, { sink, signal, patience });
}

function failureOf(error: unknown, signal: AbortSignal): Pick<Ending, "result" | "error"> {
  const message = messageOf(error);
  const code = error instanceof TributaryError ? error.code : "Unexpected";
  return { result: signal.aborted || code === "Interrupted" ? "interrupted" : "failed", error: { code, message } };
}

/** The work's own failure is the one to show; history shows such a run as interrupted. */
function tellUnwritten(sink: EventSink, reason: unknown): void {
  const text = `the end of this deployment could not be recorded: ${messageOf(reason)}`;
  sink({ type: "message", level: "warning", text });
}
