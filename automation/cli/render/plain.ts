import type { DriverEvent } from "../../events";
import type { Renderer, Target } from "./index";
import { duration, oneLine, soFar } from "./text";

/**
 * Time between two progress lines of one step: at least `least` milliseconds, and at least `share` of the time that the step
 * runs already, so that a step of minutes does not fill a log. A step that has no news says so after `silence`.
 */
const pace = { least: 3_000, share: 1 / 5, silence: 30_000 };

/** A running step and when a line of it was last shown. */
interface Shown {
  title: string;
  startedAt: number;
  shownAt: number;
  shown: string;
}

/** One line an event, with the seconds since the start, or in CI with the time of day; for pipes, logs and CI. */
export class PlainRenderer implements Renderer {
  private readonly started: number;
  private readonly steps = new Map<string, Shown>();

  constructor(
    private readonly target: Target,
    private readonly now: () => number = () => performance.now(),
    /** Time of day for each line; undefined: seconds since the start. */
    private readonly clock?: () => Date,
  ) {
    this.started = now();
  }

  readonly sink = (event: DriverEvent): void => {
    if (event.type === "message")
      return this.line(`${event.level === "warning" ? "warning: " : ""}${oneLine(event.text)}`);
    if (event.type === "step-start") {
      this.steps.set(event.id, { title: oneLine(event.title), startedAt: this.now(), shownAt: this.now(), shown: "" });
      return this.line(`${oneLine(event.title)} …`);
    }
    const step = this.steps.get(event.id);
    if (!step) return;
    if (event.type === "step-progress") return this.progress(step, event);
    this.steps.delete(event.id);
    const outcome =
      event.outcome === "done"
        ? `done in ${duration(event.seconds)}`
        : `${event.outcome} after ${duration(event.seconds)}`;
    this.line(`${step.title}: ${outcome}${event.message ? `, ${oneLine(event.message)}` : ""}`);
  };

  close(): void {}

  private progress(step: Shown, event: Extract<DriverEvent, { type: "step-progress" }>): void {
    const count = event.total === undefined ? "" : ` (${event.done ?? 0} of ${event.total})`;
    const known = soFar(event.changes, event.left);
    const news = `${oneLine(event.message)}${count}`;
    const now = this.now();
    const least = news === step.shown ? pace.silence : Math.max(pace.least, (now - step.startedAt) * pace.share);
    if (now - step.shownAt < Math.min(least, pace.silence)) return;
    step.shown = news;
    step.shownAt = now;
    this.line(`${step.title}: ${news}${known === "" ? "" : `, ${known}`}`);
  }

  private line(text: string): void {
    this.target.write(`${this.time()}  ${text}\n`);
  }

  private time(): string {
    if (this.clock)
      return this.clock()
        .toISOString()
        .replace(/\.\d+Z$/, "Z");
    return `${((this.now() - this.started) / 1000).toFixed(1).padStart(6)} s`;
  }
}
