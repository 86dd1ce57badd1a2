import { setTimeout as sleep } from "node:timers/promises";
import { lock } from "proper-lockfile";
import { TributaryError } from "../errors";
import type { EventSink } from "../events";

/** A lock whose owner was killed is free again after this time (ms); proper-lockfile's least is 2000. */
const STALE = 3000;

/** Nobody waits longer than this (ms): the longest that owns a lock is a first installation over a slow line. */
const PATIENCE = 15 * 60_000;

async function acquire(directory: string, lockfilePath: string): Promise<(() => Promise<void>) | undefined> {
  try {
    return await lock(directory, {
      lockfilePath,
      stale: STALE,
      update: 1000,
      // Happens after a suspended laptop. The work goes on: two servers on one state are ruled out by the server itself,
      // and an installation becomes visible only whole.
      onCompromised: () => undefined,
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ELOCKED") {
      return undefined;
    }
    throw error;
  }
}

/** A lock that was taken over in between cannot be given back, and need not be. */
async function giveBack(release: () => Promise<void>): Promise<void> {
  await release().catch(() => undefined);
}

/**
 * Runs `work` while no other process, or caller in this one, holds the same lock; waits for it and says so.
 *
 * @param what named in the message, e.g. "the installation of the local AWS"
 * @throws TributaryError `LockedTooLong` after 15 minutes; what `work` throws
 */
export async function withLock<T>(
  directory: string,
  lockfilePath: string,
  sink: EventSink,
  what: string,
  work: () => Promise<T>,
): Promise<T> {
  const end = Date.now() + PATIENCE;
  let told = false;
  for (;;) {
    const release = await acquire(directory, lockfilePath);
    if (release) {
      try {
        return await work();
      } finally {
        await giveBack(release);
      }
    }
    if (Date.now() > end) {
      throw new TributaryError(`another process has held ${what} for over 15 minutes (${lockfilePath})`, {
        code: "LockedTooLong",
        next: "end the other command, then run this one again",
      });
    }
    if (!told) {
      told = true;
      sink({ type: "message", level: "info", text: `waiting for another process to finish ${what}` });
    }
    await sleep(200);
  }
}
