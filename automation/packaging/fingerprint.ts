import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { BUNDLE_OPTIONS } from "./bundle";
import { thisMachine } from "./native";

/** What is remembered about a built unit. */
export interface Stamp {
  /** Files of the checkout it was made from. */
  sources: string[];
  /** Folders of the dependencies whose code was bundled, relative to the checkout; of the layer. */
  packages?: string[];
  /** Digest of these files, the locked dependencies and the way of building. */
  inputs: string;
  /** Sizes and times of the files that were built, to notice when somebody changed or removed one. */
  outputs: string;
}

/**
 * Digest of everything that decides about a unit's bytes. A source that is gone counts as a change.
 *
 * @param sources relative to `root`; from the last build, because new imports only come with a changed source
 */
export async function inputsDigest(root: string, sources: string[]): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify([BUNDLE_OPTIONS, thisMachine, FORMAT]));
  for (const file of ["package-lock.json", ...sources]) {
    const content = await readFile(path.join(root, file)).catch(() => undefined);
    hash.update(`\0${file}\0${content?.length ?? "missing"}\0`).update(content ?? "");
  }
  return hash.digest("hex");
}

/** Raise when this folder builds something else from the same sources. */
const FORMAT = 2;

/** Digest of names, sizes and modification times below `directory`; `missing` when it is not there. */
export async function outputsDigest(directory: string): Promise<string> {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true }).catch(() => undefined);
  if (entries === undefined) return "missing";
  const files = entries.filter((entry) => !entry.isDirectory()).map((entry) => path.join(entry.parentPath, entry.name));
  const hash = createHash("sha256");
  for (const file of files.sort()) {
    const { size, mtimeMs } = await stat(file);
    hash.update(`${path.relative(directory, file)}\0${size}\0${mtimeMs}\0`);
  }
  return hash.digest("hex");
}
