import { sortable } from "../identity";
import type { CurrentItem, ObjectItem } from "../store/metadata";
import type { NoteKind } from "./types";
import type { RawVersion } from "./streams";

/** How long something may stand still before it counts (ms). */
export interface Ages {
  /** Anything but what is at work in Stage B. */
  still: number;
  /** In Stage B while the batch's execution runs, for up to a day and more. */
  running: number;
}

/** What versions of keys are judged by. */
export interface Yardstick {
  ages: Ages;
  now: number;
  /** Whether arriving objects are to be processed at all. */
  triggered: boolean;
  /** Versions in Stage B whose batch's execution runs. */
  running: ReadonlySet<ObjectItem>;
}

/** What is known of a key. */
export interface KeyState {
  key: string;
  /** Oldest first. */
  raw: RawVersion[];
  items: ObjectItem[];
  current: CurrentItem | undefined;
}

/** What is wrong with a key. */
export interface KeyFindings {
  /** Versions without an item, with the latest sequencer that is known of an earlier one. */
  unseen: { raw: RawVersion; after: string | undefined }[];
  stuck: ObjectItem[];
  unnamed: ObjectItem[];
  /** The version whose files make up the table: they are still to be looked at. */
  published?: { item: ObjectItem; files: string[] };
  /** Versions whose object is not in the bucket any more: nothing can be made of them once more. */
  gone: Set<ObjectItem>;
  notes: NoteKind[];
}

/** Statuses that are an outcome. */
const FINAL = ["PROCESSED", "FAILED"];

/** Compares what the bucket and the control tables know of one key. */
export function compareKey(
  { raw, items, current }: KeyState,
  { ages, now, triggered, running }: Yardstick,
): KeyFindings {
  const matched = matchVersions(raw, items);
  const findings: KeyFindings = { unseen: [], stuck: [], unnamed: [], gone: new Set(), notes: [] };
  const old = (time: number, age: number) => now - time >= age;
  for (const item of items.filter((one) => !matched.has(one))) findings.gone.add(item);
  for (const item of items) {
    const still = old(Date.parse(item.updatedAt), running.has(item) ? ages.running : ages.still);
    judgeItem(item, current, { findings, still });
  }
  const byRaw = new Map([...matched].map(([item, version]) => [version, item]));
  const known = raw.findIndex((version) => byRaw.has(version));
  let after: string | undefined;
  for (const [index, version] of raw.entries()) {
    const item = byRaw.get(version);
    if (item) after = later(after, item.sequencer);
    else if (!version.latest && (known === -1 || index < known)) findings.notes.push("replaced");
    else if (!triggered) findings.notes.push("waiting");
    else if (!old(version.lastModified.getTime(), ages.still)) findings.notes.push("young");
    else findings.unseen.push({ raw: version, after });
  }
  return findings;
}

function judgeItem(
  item: ObjectItem,
  current: CurrentItem | undefined,
  { findings, still }: { findings: KeyFindings; still: boolean },
): void {
  if (!FINAL.includes(item.status)) {
    if (still) findings.stuck.push(item);
    else findings.notes.push("young");
    return;
  }
  if (item.status === "FAILED") findings.notes.push("failed");
  if (findings.gone.has(item)) findings.notes.push("gone");
  if (item.status === "FAILED" || item.supersededBy !== undefined) return;
  if (current?.current === item.version) findings.published = { item, files: current.files };
  else if (still) findings.unnamed.push(item);
  else findings.notes.push("young");
}

/**
 * Which item is about which version in the bucket: by the version id, or, where events tell none, by the bytes; of several
 * with the same bytes, the one whose event is nearest in time.
 */
export function matchVersions(raw: readonly RawVersion[], items: readonly ObjectItem[]): Map<ObjectItem, RawVersion> {
  const found = new Map<ObjectItem, RawVersion>();
  const open = new Set(raw);
  for (const item of items) {
    const exact = [...open].find(({ versionId }) => versionId !== undefined && versionId === item.versionId);
    if (exact && open.delete(exact)) found.set(item, exact);
  }
  const nameless = items.filter((item) => item.versionId === undefined);
  const pairs = nameless.flatMap((item) =>
    [...open]
      .filter(({ etag }) => etag === item.etag)
      .map((version) => ({
        item,
        version,
        apart: Math.abs(version.lastModified.getTime() - Date.parse(item.eventTime)),
      })),
  );
  for (const { item, version } of pairs.sort((a, b) => a.apart - b.apart)) {
    if (!found.has(item) && open.delete(version)) found.set(item, version);
  }
  return found;
}

function later(one: string | undefined, other: string): string {
  return one === undefined || sortable(other) > sortable(one) ? other : one;
}
