import { mkdir } from "node:fs/promises";
import path from "node:path";
import { lock } from "proper-lockfile";

/** Who waits for another one gives up after about this long (ms). */
const PATIENCE = 120_000;

/** A lock whose owner was killed is free again after this time (ms). */
const STALE = 15_000;

/** Runs `work` while no other process builds in `folder`, which is made where it is missing. */
export async function withBuildLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  await mkdir(folder, { recursive: true });
  const retries = { retries: PATIENCE / 500, factor: 1, minTimeout: 500, maxTimeout: 500 };
  const release = await lock(folder, { lockfilePath: path.join(folder, "lock"), stale: STALE, retries });
  try {
    return await work();
  } finally {
    await release();
  }
}
