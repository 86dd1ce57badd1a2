import { log } from "../log";
import type { ObjectRef } from "../messages";
import { recordEvent } from "../store/events";
import { recordSchema, schemaDifference, type SchemaColumn } from "../store/schemas";
import type { Field } from "../transform/formats/source";
import { wider } from "../transform/formats/observe";

/** The fields of an object's records. */
export interface Seen {
  ref: ObjectRef;
  fields: Field[];
}

/** Most fields that a schema is recorded with, and longest name: producers decide about both. */
const MOST = 1_000;
const LONGEST = 255;

/** Names that an event tells at most. */
const TOLD = 50;

/** What is known to be recorded, by dataset: a field that was seen once needs no look into the table. */
const recorded = new Map<string, Map<string, string>>();

/** Forgets what was recorded; for tests. */
export function forgetSchemas(): void {
  recorded.clear();
}

/**
 * Records what the objects of a batch look like: a dataset's schema has every field that any object ever had, each with the
 * type that takes all values that were seen. So objects that lack a field make no new version, and there is an end of them.
 * That it cannot be recorded is no reason to fail an object: the next one with the same fields tries again.
 */
export async function recordSeen(seen: readonly Seen[]): Promise<void> {
  const datasets = new Map<string, Seen[]>();
  for (const one of seen) {
    const name = `${one.ref.team}/${one.ref.dataset}`;
    datasets.set(name, [...(datasets.get(name) ?? []), one]);
  }
  for (const [name, objects] of datasets) {
    try {
      await recordOf(name, objects);
    } catch (error) {
      log.warn("the schema could not be recorded", { dataset: name, error: error as Error });
    }
  }
}

async function recordOf(name: string, objects: Seen[]): Promise<void> {
  const known = recorded.get(name) ?? new Map<string, string>();
  const source = objects.find(({ fields }) => widened(known, fields).changed);
  if (!source) return;
  const { team, dataset, keyId, version } = source.ref;
  const fields = objects.flatMap((one) => one.fields);
  let before: readonly SchemaColumn[] = [];
  let changes = false;
  // Asked again whenever another function made a version in between.
  const merge = (current: SchemaColumn[]): SchemaColumn[] => {
    const { types, changed } = widened(typesOf(current), fields);
    [before, changes] = [current, changed];
    return [...types].map(([field, type]) => ({ name: field, type }));
  };
  const now = await recordSchema(team, dataset, merge, { keyId, version });
  if (changes && now.version > 1) {
    const detail = { version: now.version, ...told(before, now.columns) };
    await recordEvent({ team, dataset, kind: "schema-changed", objectKeyId: keyId, detail });
  }
  recorded.set(name, typesOf(now.columns));
}

function typesOf(columns: readonly SchemaColumn[]): Map<string, string> {
  return new Map(columns.map(({ name, type }) => [name, type]));
}

/** The types that take the fields as well. */
function widened(
  types: ReadonlyMap<string, string>,
  fields: Field[],
): { types: Map<string, string>; changed: boolean } {
  const result = new Map(types);
  let changed = false;
  for (const { name, type } of fields) {
    const known = result.get(name);
    if (known === undefined && (result.size >= MOST || name.length > LONGEST)) continue;
    const both = wider(known, type) as string;
    changed ||= both !== known;
    result.set(name, both);
  }
  return { types: result, changed };
}

/** A schema only ever grows, so nothing is removed. */
function told(before: readonly SchemaColumn[], columns: SchemaColumn[]): Record<string, unknown> {
  const { added, retyped } = schemaDifference(before, columns);
  return { added: added.slice(0, TOLD), retyped: retyped.slice(0, TOLD) };
}
