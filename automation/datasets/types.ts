import { DuckDBTypeId, type DuckDBType } from "@duckdb/node-api";
import { parseType } from "../../layer/manifest/types";

/** DuckDB's plain types and the manifest's. */
const PLAIN: Record<string, string> = {
  BOOLEAN: "boolean",
  ...{ TINYINT: "int", SMALLINT: "int", INTEGER: "int", UTINYINT: "int", USMALLINT: "int" },
  ...{ BIGINT: "bigint", UINTEGER: "bigint", UBIGINT: "decimal(20,0)", HUGEINT: "decimal(38,0)" },
  ...{ FLOAT: "float", DOUBLE: "double", DATE: "date" },
  ...{ TIMESTAMP: "timestamp", TIMESTAMP_S: "timestamp", TIMESTAMP_MS: "timestamp", TIMESTAMP_NS: "timestamp" },
  "TIMESTAMP WITH TIME ZONE": "timestamp",
};

/**
 * The type of a manifest for one of DuckDB's; what has none is text. Lists and structs keep theirs where the names of their
 * fields can be written in it: all others are text of JSON.
 */
export function manifestType(type: DuckDBType): string {
  const text = typeText(type);
  return parseType(text) ? text : "string";
}

function typeText(type: DuckDBType): string {
  if (type.typeId === DuckDBTypeId.LIST) return `array<${typeText(type.valueType)}>`;
  if (type.typeId === DuckDBTypeId.STRUCT) {
    const fields = type.entryNames.map((name, place) => `${name}:${typeText(type.entryTypes[place] as DuckDBType)}`);
    return `struct<${fields.join(",")}>`;
  }
  const text = type.toString();
  return PLAIN[text] ?? /^DECIMAL\(\d+,\d+\)$/.exec(text)?.[0].toLowerCase() ?? "string";
}

/** A type as the table can have it: the catalogue has no capitals. */
export function tableType(type: string): string {
  return parseType(type.toLowerCase()) ? type.toLowerCase() : "string";
}
