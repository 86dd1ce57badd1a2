import { randomBytes } from "node:crypto";
import { z } from "zod";
import type { Backend, ObjectStore } from "../backend";
import { isBranchEnvironment } from "./name";

const time = z.string().refine((text) => !Number.isNaN(Date.parse(text)));

const schema = z.object({
  format: z.literal(1),
  /** Makes every text of a key another one. */
  id: z.string(),
  env: z.string().refine(isBranchEnvironment),
  branch: z.string().min(1).max(250),
  owner: z.string(),
  /** Which checkout made it, as a digest. */
  checkout: z.string(),
  createdAt: time,
  expiresAt: time,
  /** Whether the branch was on a remote when it was last brought up: only then can it be gone from there. */
  pushed: z.boolean(),
  /** Name of the template's environment. */
  template: z.string(),
  /** Text of its settings file; secret values are encrypted in it, as in every settings file. */
  settings: z.string().max(200_000),
});

/** A branch environment, as everybody who shares its backend finds it. Times are ISO 8601. */
export type BranchRecord = z.infer<typeof schema>;

const folderOf = (project: string) => `branches/${project}/`;
const keyOf = (project: string, env: string) => `${folderOf(project)}${env}.json`;

/** A record that was read, to be replaced by exactly whoever read it. */
export interface KeptBranch {
  record: BranchRecord;
  version: string;
}

/** One branch environment; undefined when there is none, or its record is damaged. */
export async function readBranch(store: ObjectStore, project: string, env: string): Promise<KeptBranch | undefined> {
  const stored = await store.get(keyOf(project, env));
  const record = stored && parseBranch(stored.text);
  return record?.env === env ? { record, version: stored!.version } : undefined;
}

/** All branch environments of a project, by name, and the names of records that are damaged. */
export async function readBranches(
  store: ObjectStore,
  project: string,
): Promise<{ records: BranchRecord[]; damaged: string[] }> {
  const names = (await store.list(folderOf(project))).flatMap((key) => {
    const name = key.slice(folderOf(project).length).replace(/\.json$/, "");
    return isBranchEnvironment(name) ? [name] : [];
  });
  const kept = await Promise.all(names.map((name) => readBranch(store, project, name)));
  return {
    records: kept.flatMap((each) => (each ? [each.record] : [])),
    damaged: names.filter((_, index) => kept[index] === undefined),
  };
}

/**
 * Writes a record that nobody has written meanwhile.
 *
 * @param former what is replaced; undefined for a new one
 * @returns false when somebody else was faster
 */
export async function writeBranch(
  store: ObjectStore,
  project: string,
  record: Omit<BranchRecord, "format" | "id">,
  former: KeptBranch | undefined,
): Promise<boolean> {
  const key = keyOf(project, record.env);
  const complete: BranchRecord = { format: 1, id: randomBytes(6).toString("hex"), ...record };
  const text = JSON.stringify(complete, null, 2);
  if (former) return store.replaceIf(key, text, former.version);
  if (await store.createOnly(key, text)) return true;
  const damaged = await store.get(key);
  // What cannot be read names no owner who could miss it.
  return (
    damaged !== undefined && parseBranch(damaged.text) === undefined && store.replaceIf(key, text, damaged.version)
  );
}

/** Forgets a branch environment. */
export function deleteBranch(store: ObjectStore, project: string, env: string): Promise<void> {
  return store.delete(keyOf(project, env));
}

function parseBranch(text: string): BranchRecord | undefined {
  try {
    const parsed = schema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** Branch environments that a backend has states of; none where only the engine can list them. */
export async function branchesWithState({ engine }: Backend, project: string): Promise<string[]> {
  const prefix = `stacks/${project}/`;
  const keys = (await engine?.list(`${prefix}b-`)) ?? [];
  const names = keys.flatMap(
    (key) => /^(b-[a-z0-9-]+)(?:\.[a-z0-9-]+)?\.json$/.exec(key.slice(prefix.length))?.[1] ?? [],
  );
  return [...new Set(names)].sort();
}
