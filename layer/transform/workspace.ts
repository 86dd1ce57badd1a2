import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

/**
 * A folder of its own for some work, gone afterwards whatever happens: other functions may use the same /tmp, and a
 * function's process is used again.
 *
 * @param parent default: the system's folder for temporary files
 */
export async function withWorkspace<T>(work: (directory: string) => Promise<T>, parent: string = tmpdir()): Promise<T> {
  const directory = await mkdtemp(path.join(parent, "tributary-"));
  try {
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
