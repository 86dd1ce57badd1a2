import { createHash } from "node:crypto";

/**
 * Sequencers are hexadecimal numbers of different lengths; S3 says: fill the shorter one with zeros on the right, then
 * compare as text. Filled to this length (S3's have 16 to 18 digits) they compare as text anywhere.
 */
const SEQUENCER_LENGTH = 64;

/** What identifies an object key, and names all that is derived from it: no part of a key ever becomes part of a path. */
export function keyIdOf(bucket: string, key: string): string {
  return digest(`${bucket}\n${key}`, 32);
}

/** A sequencer in the form in which sequencers compare as text. */
export function sortable(sequencer: string): string {
  return sequencer.toUpperCase().padEnd(SEQUENCER_LENGTH, "0");
}

/** The version of an object: S3's version id, or, where the event tells none, its sequencer. */
export function versionOf(event: { versionId?: string | undefined; sequencer: string }): string {
  return event.versionId ?? sortable(event.sequencer);
}

/** The name without folder and ending of every file made from one version of an object. */
export function fileStem(object: { keyId: string; version: string }): string {
  return `${object.keyId}-${digest(object.version, 16)}`;
}

/** The stem of a table's file: engines may write several for one object and partition, `<stem>.0.parquet` and so on. */
export function stemOf(file: string): string {
  return file.slice(file.lastIndexOf("/") + 1).replace(/(\.\d+)?\.parquet$/, "");
}

/** Where in the stage bucket the rows of an object go that break an expectation whose rule is `quarantine`. */
export function quarantineKey(object: { team: string; dataset: string; keyId: string; version: string }): string {
  return `quarantine/${object.team}/${object.dataset}/${fileStem(object)}.parquet`;
}

/** Deduplication id of a message about objects: the same objects, redriven equally often, are sent once in five minutes. */
export function deduplicationId(
  purpose: string,
  objects: { keyId: string; version: string; redrives: number }[],
): string {
  const names = objects.map((object) => `${object.keyId}/${object.version}/${object.redrives}`).sort();
  return digest(JSON.stringify([purpose, names]), 64);
}

/**
 * Identity of a Stage B batch and the name of its execution: the same messages give the same one.
 *
 * @returns at most 80 characters of letters, digits and hyphens
 */
export function batchIdOf(dataset: { team: string; dataset: string }, messageIds: string[], part: number): string {
  const name = `${dataset.team}-${dataset.dataset}`.slice(0, 40);
  return `${name}-${digest(JSON.stringify([[...messageIds].sort(), part]), 32)}`;
}

/** Message group of text that may hold anything: group ids take 128 characters of a small alphabet. */
export function groupId(text: string): string {
  return digest(text, 32);
}

/** The first `length` hexadecimal digits of the text's SHA-256. */
export function digest(text: string, length: number): string {
  return createHash("sha256").update(text, "utf8").digest("hex").slice(0, length);
}
