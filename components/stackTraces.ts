/** Functions of Pulumi's SDK that make a stack trace which is read with PULUMI_DEBUG_PROMISE_LEAKS only. */
const unread = new Set(["debuggablePromise"]);

type Prepare = (error: Error, frames: NodeJS.CallSite[]) => unknown;

let installed: Prepare | undefined;

/**
 * Leaves stack traces empty that nobody will read. Pulumi's SDK notes the stack of every promise, a hundred for a resource, and
 * looking each of them up in source maps took three quarters of a program's time. Errors keep their stacks; with
 * PULUMI_DEBUG_PROMISE_LEAKS everything stays as it is.
 *
 * Uses V8's `Error.prepareStackTrace` (https://v8.dev/docs/stack-trace-api), after what is there already.
 */
export function leaveOutUnreadStacks(): void {
  const former = Error.prepareStackTrace as Prepare | undefined;
  if ((former && former === installed) || process.env["PULUMI_DEBUG_PROMISE_LEAKS"]) return;
  const prepare =
    former ?? ((error, frames) => [String(error), ...frames.map((frame) => `    at ${frame.toString()}`)].join("\n"));
  installed = (error, frames) => (unread.has(frames[0]?.getFunctionName() ?? "") ? "" : prepare(error, frames));
  Error.prepareStackTrace = installed;
}
