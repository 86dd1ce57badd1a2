import pc from "picocolors";
import { TributaryError } from "../errors";

/** The document that `--json` prints for an error. */
export interface ErrorDocument {
  ok: false;
  error: { code: string; message: string; next?: string };
}

const unexpected =
  "This is a defect of the driver. TRIBUTARY_DEBUG=1 prints where it happened; tributary doctor looks at this machine.";

/** An error as a document. */
export function errorDocument(error: unknown): ErrorDocument {
  if (error instanceof TributaryError) {
    return { ok: false, error: { code: error.code, message: error.message, next: error.next } };
  }
  return { ok: false, error: { code: "Unexpected", message: messageOf(error), next: unexpected } };
}

/** An error for people: what happened, then what to do. Stack traces only with TRIBUTARY_DEBUG. */
export function describeError(error: unknown, options: { color: boolean; debug?: boolean }): string {
  const colors = pc.createColors(options.color);
  const document = errorDocument(error).error;
  const lines = [`${colors.red("error")} ${colors.dim(document.code)}: ${document.message}`];
  if (document.next) lines.push(`${colors.cyan("next")}: ${document.next}`);
  if (options.debug ?? process.env.TRIBUTARY_DEBUG) lines.push(...stacks(error));
  return `${lines.join("\n")}\n`;
}

function stacks(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  return [error.stack ?? error.message, ...(error.cause === undefined ? [] : ["caused by", ...stacks(error.cause)])];
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
