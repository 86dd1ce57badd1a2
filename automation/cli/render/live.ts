import { createLogUpdate } from "log-update";
import pc from "picocolors";
import type { DriverEvent } from "../../events";
import type { Renderer } from "./index";
import { bar, cut, duration, oneLine, soFar } from "./text";

const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
/** Milliseconds between two redraws. */
const interval = 100;

/** A running step as the display knows it. */
export interface RunningStep {
  title: string;
  startedAt: number;
  message: string;
  done?: number;
  total?: number;
  changes?: { create: number; update: number; delete: number };
  left?: number;
}

/** Finished steps and messages scroll up; running steps are redrawn below them, one line each. */
export class LiveRenderer implements Renderer {
  private readonly steps = new Map<string, RunningStep>();
  private readonly draw: ReturnType<typeof createLogUpdate>;
  private readonly timer: NodeJS.Timeout;
  private frame = 0;
  private open = true;

  constructor(private readonly stream: NodeJS.WriteStream) {
    this.draw = createLogUpdate(stream);
    this.timer = setInterval(() => this.redraw(), interval);
    this.timer.unref();
  }

  readonly sink = (event: DriverEvent): void => {
    const step = event.type === "message" ? undefined : this.steps.get(event.id);
    if (event.type === "message") {
      this.permanent(`${event.level === "warning" ? pc.yellow("!") : pc.cyan("i")} ${oneLine(event.text)}`);
    } else if (event.type === "step-start") {
      this.steps.set(event.id, { title: oneLine(event.title), startedAt: performance.now(), message: "" });
    } else if (event.type === "step-progress" && step) {
      const { done, total, changes, left } = event;
      Object.assign(step, { message: oneLine(event.message), done, total, changes, left });
    } else if (event.type === "step-end" && step) {
      this.steps.delete(event.id);
      this.permanent(finished(step.title, event));
    }
  };

  close(): void {
    if (!this.open) return;
    this.open = false;
    clearInterval(this.timer);
    this.draw.clear();
    this.draw.done();
  }

  private permanent(line: string): void {
    this.draw.clear();
    this.stream.write(`${line}\n`);
    if (this.open) this.redraw();
  }

  private redraw(): void {
    this.frame = (this.frame + 1) % frames.length;
    const width = this.stream.columns ?? 80;
    const lines = [...this.steps.values()].map((step) => running(step, frames[this.frame]!, performance.now(), width));
    if (lines.length > 0) this.draw(lines.slice(0, Math.max(1, (this.stream.rows ?? 24) - 2)).join("\n"));
    else this.draw.clear();
  }
}

/** The permanent line of a step that is over. */
export function finished(title: string, event: Extract<DriverEvent, { type: "step-end" }>): string {
  const mark = { done: pc.green("✔"), failed: pc.red("✖"), skipped: pc.dim("–") }[event.outcome];
  const took = event.seconds >= 0.1 ? pc.dim(` ${duration(event.seconds)}`) : "";
  return `${mark} ${title}${event.message ? pc.dim(` ${oneLine(event.message)}`) : ""}${took}`;
}

/** The line of a running step, cut to the terminal's width. */
export function running(step: RunningStep, frame: string, now: number, width: number): string {
  const seconds = duration((now - step.startedAt) / 1000);
  const progress =
    step.total === undefined ? "" : ` ${bar(step.done ?? 0, step.total, 20)} ${step.done ?? 0}/${step.total}`;
  const known = soFar(step.changes, step.left);
  const fixed = `${step.title}${progress} ${seconds}${known === "" ? "" : ` ${known}`}`;
  const rest = width - [...fixed].length - 5;
  const message = step.message && rest > 8 ? ` ${pc.dim(cut(step.message, rest))}` : "";
  return `${pc.cyan(frame)} ${cut(fixed, width - 3)}${message}`;
}
