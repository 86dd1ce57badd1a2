import { readdir, readFile, rm } from "node:fs/promises";
import * as path from "node:path";

const suffix = ".attrs";

/**
 * Removes attribute files that were cut off. The engine's folder backend writes beside each file one with its attributes, not
 * atomically: an engine that is killed at that moment leaves an empty one, and every later run fails with "failed to load
 * checkpoint: EOF". The file itself is whole, and without attributes the backend takes the defaults; so nothing is lost even where
 * another engine is writing them at this moment.
 *
 * @param backend absolute folder of the backend
 */
export async function removeCutOffAttributes(backend: string, project: string, stack: string): Promise<void> {
  const state = path.join(backend, ".pulumi");
  const own = (name: string) => name.startsWith(`${stack}.json`);
  await Promise.all([
    clean(state, () => true),
    clean(path.join(state, "stacks", project), own),
    ...["history", "backups"].map((folder) => clean(path.join(state, folder, project, stack), () => true)),
  ]);
}

async function clean(folder: string, concerns: (name: string) => boolean): Promise<void> {
  const names = await readdir(folder).catch(() => [] as string[]);
  const files = names.filter((name) => name.endsWith(suffix) && concerns(name)).map((name) => path.join(folder, name));
  await Promise.all(files.map(async (file) => ((await isCutOff(file)) ? rm(file, { force: true }) : undefined)));
}

async function isCutOff(file: string): Promise<boolean> {
  try {
    JSON.parse(await readFile(file, "utf8"));
    return false;
  } catch (error) {
    return error instanceof SyntaxError;
  }
}
