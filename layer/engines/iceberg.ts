import { fileStem, sortable } from "../identity";
import type { Manifest } from "../manifest-schema";
import type { HandedOver } from "../messages";
import { isLater, nameOf } from "../store/currents";
import type { CurrentItem } from "../store/metadata";
import { name, type Dialect } from "./dialect";
import type { Statements } from "./statements";

/** Columns of an Iceberg table that say which object version a row is from. */
export const SOURCE_COLUMNS = ["_key_id", "_version", "_sequencer"] as const;

/**
 * One statement, and so one commit, that puts an object version's rows in the place of those of every earlier version of its
 * key. A later version's rows are left alone, and then nothing is put: whichever comes last, the latest stands in the table.
 * Repeating it changes nothing.
 *
 * @param table the Iceberg table as the engine names it, quoted
 */
export function mergeStatement(
  dialect: Dialect,
  statements: Statements,
  target: { table: string; item: HandedOver; manifest: Manifest },
): string {
  const { table, item, manifest } = target;
  const [keyId, version, sequencer] = [item.keyId, versionName(item), sortable(item.sequencer)].map(dialect.literal);
  const types = new Map(manifest.output.columns.map((column) => [column.name, column.type]));
  const columns = statements.columns();
  const all = [...columns, ...SOURCE_COLUMNS].map(name);
  const source = `${keyId} AS _key_id, ${version} AS _version, ${sequencer} AS _sequencer`;
  const later = `SELECT 1 FROM ${table} n WHERE n._key_id = ${keyId} AND n._sequencer > ${sequencer}`;
  const nothing = columns.map(
    (column) => `CAST(NULL AS ${dialect.type(types.get(column) ?? "string")}) AS ${name(column)}`,
  );
  return [
    `MERGE INTO ${table} t USING (`,
    `SELECT 0 AS _remove, ${[...columns.map(name), source].join(", ")} FROM (${statements.wholeRows()})`,
    `WHERE NOT EXISTS (${later})`,
    // One row without values stands for "remove what the key had".
    `UNION ALL SELECT 1 AS _remove, ${[...nothing, source].join(", ")}`,
    `) s ON s._remove = 1 AND t._key_id = ${keyId} AND t._sequencer <= ${sequencer}`,
    "WHEN MATCHED THEN DELETE",
    `WHEN NOT MATCHED AND s._remove = 0 THEN INSERT (${all.join(", ")}) VALUES (${all.map((column) => `s.${column}`).join(", ")})`,
  ].join(" ");
}

/**
 * One statement, and so one commit, that leaves of each key the rows of its current version and of those that are later. What
 * an earlier version committed is stale for ever, whenever it came.
 */
export function removalStatement(dialect: Dialect, table: string, currents: readonly CurrentItem[]): string {
  const stale = currents.map((current) => {
    const [keyId, version, sequencer] = [current.keyId, nameOf(current), current.sequencer].map(dialect.literal);
    return `(_key_id = ${keyId} AND (_sequencer < ${sequencer} OR (_sequencer = ${sequencer} AND _version <> ${version})))`;
  });
  return `DELETE FROM ${table} WHERE ${stale.join(" OR ")}`;
}

/**
 * What an engine commits for an object version: its rows, or, when a later version is current already, the removal of what the
 * table still holds of earlier ones. A later version without rows leaves nothing in the table that a `MERGE` could see.
 */
export function commitStatement(
  dialect: Dialect,
  statements: Statements,
  target: { table: string; item: HandedOver; manifest: Manifest; current: CurrentItem | undefined },
): string {
  const { table, item, current } = target;
  return current !== undefined && isLater(current, item)
    ? removalStatement(dialect, table, [current])
    : mergeStatement(dialect, statements, target);
}

/** A version id may be as long as a key; what files are named by is enough to tell versions apart. */
function versionName(item: HandedOver): string {
  return fileStem(item).slice(item.keyId.length + 1);
}
