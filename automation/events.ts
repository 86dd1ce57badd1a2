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
      /** The stack that it is about, where several are worked on. */
      stack?: string;
    }
  | {
      /** News of a running step: a line that replaces the former one. `done`/`total` when countable. */
      type: "step-progress";
      id: string;
      message: string;
      done?: number;
      total?: number;
      /** What a deployment has changed so far. */
      changes?: { create: number; update: number; delete: number };
      /** Seconds that are left, as far as the last such run tells. */
      left?: number;
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

/** A sink whose events are read as they come: `for await (const event of stream) …`. */
export interface EventStream extends AsyncIterable<DriverEvent> {
  /** For the context of the work that is listened to. */
  sink: EventSink;
  /** Ends the loop, when all events so far were read. */
  end(): void;
}

/** Events as an async iterator, for programs that show progress of their own. Nothing is lost before or between readings. */
export function eventStream(): EventStream {
  const waiting: DriverEvent[] = [];
  let ended = false;
  let wake = (): void => undefined;
  const next = async (): Promise<IteratorResult<DriverEvent, undefined>> => {
    while (waiting.length === 0 && !ended) await new Promise<void>((resolve) => (wake = resolve));
    const value = waiting.shift();
    return value === undefined ? { done: true, value } : { done: false, value };
  };
  return {
    sink: (event) => (waiting.push(event), wake()),
    end: () => ((ended = true), wake()),
    [Symbol.asyncIterator]: () => ({ next }),
  };
}

let steps = 0;

/** News from inside a step. */
export type Progress = (message: string, count?: { done: number; total: number }, more?: ProgressDetails) => void;

/** What news of a deployment tell beside that. */
export type ProgressDetails = Pick<Extract<DriverEvent, { type: "step-progress" }>, "changes" | "left">;

/** Seconds since a moment of `performance.now()`, to the millisecond. */
export function secondsSince(started: number): number {
  return Math.round(performance.now() - started) / 1000;
}

/**
 * Runs `work` as one step: emits its start, its progress and its end, with the outcome and the seconds it took.
 *
 * @param stack that it is about, where several are worked on
 * @throws what `work` throws, after the failed end was emitted
 */
export async function step<T>(
  sink: EventSink,
  title: string,
  work: (progress: Progress) => Promise<T>,
  stack?: string,
): Promise<T> {
  const id = `step-${++steps}`;
  const started = performance.now();
  const seconds = () => secondsSince(started);
  sink({ type: "step-start", id, title, ...(stack === undefined ? {} : { stack }) });
  try {
    const result = await work((message, count, more) =>
      sink({ type: "step-progress", id, message, ...count, ...more }),
    );
    sink({ type: "step-end", id, outcome: "done", seconds: seconds() });
    return result;
  } catch (error) {
    sink({ type: "step-end", id, outcome: "failed", seconds: seconds() });
    throw error;
  }
}
