/** What is recorded about an error: at most {@link MESSAGE_LIMIT} characters of its message. */
export interface ErrorRecord {
  /** PascalCase; docs/datasets.md lists those that data can cause. */
  code: string;
  message: string;
}

/** Longest message that is recorded: ten objects' errors have to fit into the state of an execution (256 KB). */
const MESSAGE_LIMIT = 600;

/**
 * The data is at fault: malformed, empty, against its manifest, gone. Trying again cannot help, so it is final at once.
 * Every other error counts as passing and is retried.
 */
export class Rejection extends Error {
  constructor(
    /** Stable PascalCase identifier. */
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = "Rejection";
  }
}

/** Something of the lake itself is wrong or out of order: a missing setting, a missing dataset, a refused request. */
export class LayerError extends Error {
  constructor(
    /** Stable PascalCase identifier. */
    readonly code: string,
    message: string,
    cause?: unknown,
  ) {
    super(message, { cause });
    this.name = "LayerError";
  }
}

/** True for errors that another attempt cannot mend. */
export function isFinal(error: unknown): boolean {
  return error instanceof Rejection;
}

/** Code and message of any thrown value; SDK errors keep their name as the code. */
export function errorRecord(error: unknown): ErrorRecord {
  if (error instanceof Rejection || error instanceof LayerError) return shortened(error.code, error.message);
  if (error instanceof Error) return shortened(error.name === "Error" ? "Unexpected" : error.name, error.message);
  return shortened("Unexpected", String(error));
}

/** A record whose message fits. */
export function shortened(code: string, message: string): ErrorRecord {
  const text = message.replace(/\s+/g, " ").trim();
  return { code, message: text.length > MESSAGE_LIMIT ? `${text.slice(0, MESSAGE_LIMIT - 1)}…` : text };
}
