import { stripVTControlCharacters } from "node:util";

/** A duration for people: `0.4 s`, `12 s`, `2 min 05 s`. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${(Math.round(seconds * 10) / 10).toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
}

/**
 * Text that is safe to print on one line: names of objects and messages of services are anybody's, so control characters,
 * which could move the cursor or forge lines, become visible escapes.
 */
export function oneLine(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/\s*[\r\n]+\s*/g, " ")
    .replace(controls, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

// C0, DEL, C1, and the marks that reorder text.
// eslint-disable-next-line no-control-regex
const controls = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Cuts a line to a width, with an ellipsis. */
export function cut(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join("")}…`;
}

/** A bar of `width` characters for `done` of `total`. */
export function bar(done: number, total: number, width: number): string {
  const share = total > 0 ? Math.min(1, Math.max(0, done / total)) : 0;
  const full = Math.round(share * width);
  return "━".repeat(full) + "─".repeat(width - full);
}

/** What a deployment has changed so far and how long it goes on, e.g. `+3 ~1 -0, about 40 s left`; empty when nothing is known. */
export function soFar(
  changes: { create: number; update: number; delete: number } | undefined,
  left: number | undefined,
): string {
  const { create = 0, update = 0, delete: deleted = 0 } = changes ?? {};
  const counts = create + update + deleted > 0 ? [`+${create} ~${update} -${deleted}`] : [];
  return [...counts, ...(left === undefined ? [] : [`about ${duration(left)} left`])].join(", ");
}

/** Bytes for people: `31.4 MB`. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
