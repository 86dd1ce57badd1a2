import { randomUUID } from "node:crypto";
import { access, rm } from "node:fs/promises";
import type { LocalFiles } from "./files";
import { readIfThere, writeWhole } from "./files";

/** Whether a file is there. */
export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/**
 * Makes the state fit for a start. The emulator writes everything but the objects of its buckets when it stops; after any
 * other end, what is on disk is a mix of two times: objects of now, tables and queues of the last stop. Nothing can be
 * built on that, so the state starts from nothing and a marker tells so until `acknowledgeStateLoss`.
 *
 * Call it with the lock held and no server running. May be interrupted anywhere: the next call ends the same.
 *
 * @returns whether state was lost now
 */
export async function prepareState(files: LocalFiles): Promise<boolean> {
  const former = await readIfThere(files.stateId);
  const lost = former !== undefined && !(await exists(files.clean));
  if (lost) {
    await writeWhole(files.lost, JSON.stringify({ at: new Date().toISOString(), stateId: former }));
  }
  if (lost || former === undefined) {
    await rm(files.state, { recursive: true, force: true });
    // An empty state is whole. The identity comes last: without it the next call starts here again.
    await writeWhole(files.clean, "");
    await writeWhole(files.stateId, randomUUID());
  }
  return lost;
}
