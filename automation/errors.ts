/**
 * Who has to act on an error. `user`: wrong usage or settings (exit code 2). `tool`: this program or something it starts.
 * `cloud`: AWS, or the local AWS, refused or failed.
 */
export type ErrorSource = "user" | "tool" | "cloud";

/** What an error tells, beside its message. */
export interface TributaryErrorOptions {
  /** Stable PascalCase identifier, listed with its cure in docs/errors.md. */
  code: string;
  /** @default "tool" */
  source?: ErrorSource;
  /** What to do next: a sentence or a command. */
  next?: string;
  /** The error that led to this one. */
  cause?: unknown;
}

/**
 * The only error class that the driver throws itself. The message says what happened, where, what was found and what is
 * allowed; `next` says what to do. User errors are printed without a stack trace.
 */
export class TributaryError extends Error {
  readonly code: string;
  readonly source: ErrorSource;
  readonly next: string | undefined;

  constructor(message: string, options: TributaryErrorOptions) {
    super(message, { cause: options.cause });
    this.name = "TributaryError";
    this.code = options.code;
    this.source = options.source ?? "tool";
    this.next = options.next;
  }

  /** The process exit code that this error leads to: 2 for user mistakes, 1 otherwise. */
  get exitCode(): 1 | 2 {
    return this.source === "user" ? 2 : 1;
  }
}

/** What a thrown value says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Shorthand for a mistake in usage or settings. */
export function userError(code: string, message: string, next?: string): TributaryError {
  return new TributaryError(message, { code, source: "user", next });
}
