import { createHash } from "node:crypto";
import * as path from "node:path";
import type { ObjectStore } from "../../../backend";
import type { Environment } from "../../../stacks/environments";

type Stack = Pick<Environment, "project" | "name">;

/** Of the lake's own database; no database can have a name with a hyphen. */
const own = "lake-own";

/**
 * What keys of the records of a folder's migrations begin with. However a person writes the folder, it is the same one; a folder's
 * history in one database says nothing about another.
 *
 * @param database undefined: the lake's own
 */
export function historyPrefix(root: string, stack: Stack, folder: string, database: string | undefined): string {
  const relative = path.relative(root, folder).split(path.sep).join("/");
  return `migrations/${stack.project}/${stack.name}/${database ?? own}/${segmentOf(relative)}/`;
}

/** One segment of a key, so that what is remembered of a folder is never found in one above it. */
function segmentOf(folder: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9_-]{0,80}$/.test(folder)) return folder;
  const digest = createHash("sha256").update(folder).digest("hex").slice(0, 16);
  const words = folder.replace(/[^A-Za-z0-9]+/g, "-").replace(/^-|-$/g, "");
  return `${words.slice(0, 60)}-${digest}`.replace(/^-/, "");
}

/** Forgets what was run in the lake's own database: it is gone, and the next one begins empty. */
export async function forgetOwnMigrations(store: ObjectStore, stack: Stack): Promise<void> {
  const keys = await store.list(`migrations/${stack.project}/${stack.name}/${own}/`);
  for (const key of keys) await store.delete(key);
}
