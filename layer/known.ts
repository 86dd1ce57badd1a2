import { sortable } from "./identity";

/** What a listing, or a look at the object itself, tells about the version that lies in the bucket. */
export interface Present {
  /** Without quotes. */
  etag: string;
  /** Not known from a listing. */
  versionId?: string | undefined;
}

/** What is read of an object's item in the control tables. */
export interface KnownVersion {
  version: string;
  versionId?: string;
  sequencer: string;
  etag: string;
}

/**
 * The item of the version that lies in the bucket, if the lake knows that version: by its version id, or, where that is not
 * known on one side, the newest one that the lake knows, if it has the same bytes.
 *
 * @param items of the object's key; the one that says which version is current may be among them
 */
export function knownVersion<Item extends KnownVersion>(present: Present, items: readonly Item[]): Item | undefined {
  const versions = items.filter(({ version }) => version !== "CURRENT");
  const exact = versions.find(({ versionId }) => versionId !== undefined && versionId === present.versionId);
  if (exact) return exact;
  const newest = newestVersion(versions);
  const told = newest?.versionId !== undefined && present.versionId !== undefined;
  return newest !== undefined && !told && newest.etag === present.etag ? newest : undefined;
}

/** The version with the latest sequencer. */
export function newestVersion<Item extends KnownVersion>(items: readonly Item[]): Item | undefined {
  return items
    .filter(({ version }) => version !== "CURRENT")
    .reduce<Item | undefined>(
      (newest, item) => (!newest || sortable(item.sequencer) > sortable(newest.sequencer) ? item : newest),
      undefined,
    );
}
