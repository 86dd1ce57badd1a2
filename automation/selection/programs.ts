import type { ObjectStore } from "../backend";
import { programDigest, type FileDigests } from "./program";

/** Lists of files lie beside the state, each once, by its digest: many stacks and deployments have the same. */
const keyOf = (digest: string) => `programs/${digest.replace(":", "-")}.json`;

/** Keeps a program's list of files, so that a later look can name the files that changed. */
export async function keepFiles(store: ObjectStore, digest: string, files: FileDigests): Promise<void> {
  await store.createOnly(keyOf(digest), JSON.stringify(files));
}

/** A list that was kept; undefined when it is lost, or is not what its digest says. */
export async function findFiles(store: ObjectStore, digest: string): Promise<FileDigests | undefined> {
  if (!/^sha256:[0-9a-f]{64}$/.test(digest)) return undefined;
  try {
    const stored = await store.get(keyOf(digest));
    const files = JSON.parse(stored?.text ?? "") as FileDigests;
    return programDigest(files) === digest ? files : undefined;
  } catch {
    return undefined;
  }
}
