import { setTimeout as sleep } from "node:timers/promises";
import lockfile from "proper-lockfile";
import { TributaryError } from "../errors";

/** A lock whose holder has not touched it for so long is taken over: its holder was killed. */
const staleMs = 5000;

/** How often a waiting process looks again. */
const pollMs = 500;

/**
 * Runs `work` while holding the lock `<folder>/build.lock`. Waits for another holder as long as that one lives.
 *
 * A holder that lost its lock (the machine slept) goes on: builds work in folders of their own and publish in one step, so
 * two at once cost time and nothing else.
 *
 * @param waiting called once, when somebody else holds the lock
 * @throws TributaryError ToolchainBuildCancelled when `signal` fires while waiting
 */
export async function withLock<T>(
  folder: string,
  waiting: () => void,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  let told = false;
  for (;;) {
    const release = await tryLock(folder);
    if (release) {
      try {
        return await work();
      } finally {
        // A lock that was taken over cannot be released; that is no failure of the work.
        await release().catch(() => undefined);
      }
    }
    if (!told) waiting();
    told = true;
    await sleep(pollMs, undefined, { signal }).catch((cause: unknown) => {
      throw cancelled(cause);
    });
  }
}

async function tryLock(folder: string): Promise<(() => Promise<void>) | undefined> {
  try {
    return await lockfile.lock(folder, {
      lockfilePath: `${folder}/build.lock`,
      stale: staleMs,
      update: staleMs / 4,
      retries: 0,
      onCompromised: () => undefined,
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ELOCKED") return undefined;
    throw cacheUnusable(folder, error);
  }
}

/** The error of a build that its caller stopped. */
export function cancelled(cause?: unknown): TributaryError {
  return new TributaryError("the build of the toolchain was cancelled", {
    code: "ToolchainBuildCancelled",
    next: "run the command again: what was compiled so far is kept in Go's own cache",
    cause,
  });
}

/** The error of a tool cache that cannot be written. */
export function cacheUnusable(folder: string, cause: unknown): TributaryError {
  return new TributaryError(`the tool cache cannot be written: ${folder}: ${String(cause)}`, {
    code: "ToolchainCacheUnusable",
    next: "make the folder writable, or set TRIBUTARY_CACHE to one that is",
    cause,
  });
}
