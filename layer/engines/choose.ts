import type { EngineName } from "../manifest/engine";

/** Up to which size (bytes of a batch's CSV) `engine: auto` gives a batch to which engine; above both, to Glue. */
export interface EngineLimits {
  duckdb: number;
  athena: number;
}

/** What is known of an object before Stage B works on it. */
export interface Sized {
  /** Bytes of the raw object. */
  size: number;
  /** Bytes of the CSV that Stage A made of it. */
  preBytes?: number | undefined;
}

/** Bytes of the CSV of all objects; those that an earlier version of the lake handed over count with their raw size. */
export function batchBytes(items: readonly Sized[]): number {
  return items.reduce((sum, { size, preBytes }) => sum + (preBytes ?? size), 0);
}

/**
 * The engine of one batch: what the manifest says, or, with `auto`, by the batch's size. A transform with SQL of its own for
 * an engine is no reason to choose it: only size is.
 */
export function chooseEngine(
  { engine, expectations }: { engine: EngineName | "auto"; expectations: readonly { rule: string }[] },
  items: readonly Sized[],
  limits: EngineLimits,
): EngineName {
  if (engine !== "auto") return engine;
  const bytes = batchBytes(items);
  if (bytes <= limits.duckdb) return "duckdb";
  // Athena cannot put a part of the rows elsewhere in a file of one name.
  const quarantines = expectations.some(({ rule }) => rule === "quarantine");
  return bytes <= limits.athena && !quarantines ? "athena" : "glue";
}
