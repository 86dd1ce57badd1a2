/**
 * What the driver's library tells while it works. Library code only emits; renderers (live, plain, JSON) only listen.
 * Every long operation is a step: one `step-start`, any number of `step-progress`, one `step-end`.
 */
export type DriverEvent =
  | {
      /** An operation began. `id` is unique in a run; `parent` nests it. */
      type: "step-start";
      id: string;
      title: string;
      parent?: string;
    }
  | {
      /** News of a running step: a line that replaces the former one. `done`/`total` when countable. */
      type: "step-progress";
      id: string;
      message: string;
      done?: number;
      total?: number;
    }
  | {
      /** The step is over. */
      type: "step-end";
      id: string;
      outcome: "done" | "failed" | "skipped";
      seconds: number;
      message?: string;
    }
  | {
      /** Something the user should read, whatever else is on the screen. */
      type: "message";
      level: "info" | "warning";
      text: string;
    };

/** Where the library sends its events. */
export type EventSink = (event: DriverEvent) => void;

/** A sink that forgets everything; for callers that do not want progress. */
export const silent: EventSink = () => undefined;

let steps = 0;

/** News from inside a step. */
export type Progress = (message: string, count?: { done: number; total: number }) => void;

/**
 * Runs `work` as one step: emits its start, its progress and its end, with the outcome and the seconds it took.
 *
 * @throws what `work` throws, after the failed end was emitted
 */
export async function step<T>(sink: EventSink, title: string, work: (progress: Progress) => Promise<T>): Promise<T> {
  const id = `step-${++steps}`;
  const started = performance.now();
  const seconds = () => Math.round(performance.now() - started) / 1000;
  sink({ type: "step-start", id, title });
  try {
    const result = await work((message, count) => sink({ type: "step-progress", id, message, ...count }));
    sink({ type: "step-end", id, outcome: "done", seconds: seconds() });
    return result;
  } catch (error) {
    sink({ type: "step-end", id, outcome: "failed", seconds: seconds() });
    throw error;
  }
}
