import type { DuckDBConnection } from "@duckdb/node-api";
import type { Manifest } from "../../layer/manifest";
import { isNested } from "../../layer/manifest/types";
import { engineError, type Engine } from "../../layer/transform/engine";
import { createInput } from "../../layer/transform/heavy";
import { identifier, sqlType } from "../../layer/transform/sql";

/** A column that the SQL gives another type than the manifest. */
export interface Cast {
  column: string;
  /** The manifest's type, which the table has. */
  type: string;
  /** DuckDB's type of what the SQL gives. */
  gives: string;
  /** Rows whose value is another one in the table: 1.5 becomes 2 in a column of type int. */
  changed: number;
  /** Whether that takes more from a value than digits behind those that its type has room for. */
  loses: boolean;
}

/** Types whose values are whole: what does not fit in them is another value, not a shorter one. */
const WHOLE = new Set(["int", "bigint", "boolean", "date"]);

/** Types that can be compared before and after: of text and what is nested, many forms mean the same. */
const COMPARABLE = /^(BOOLEAN|U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL|DATE|TIMESTAMP)/;

/**
 * Compares the columns that the SQL gives with those of the table. The heavy transform casts one to the other, as an INSERT
 * does, and says nothing where that rounds.
 *
 * @param csv from the light transform
 * @throws Rejection, LayerError as the heavy transform does
 */
export async function castsOf(engine: Engine, csv: string, manifest: Manifest): Promise<Cast[]> {
  try {
    return await engine.connected(async (connection) => {
      await createInput(connection, csv, manifest);
      return compare(connection, manifest);
    });
  } catch (error) {
    throw engineError(error, "comparing the types of columns");
  }
}

async function compare(connection: DuckDBConnection, manifest: Manifest): Promise<Cast[]> {
  const given = await typesOf(connection, manifest);
  const casts = manifest.output.columns.flatMap(({ name, type }) => {
    const gives = given.get(name);
    return gives === undefined || plainText(gives) === plainText(sqlType(type)) ? [] : [{ column: name, type, gives }];
  });
  const compared = casts.filter(({ type, gives }) => !isNested(type) && isComparable(gives));
  const counts = await changedBy(connection, manifest, compared);
  return casts.map((cast) => {
    const changed = counts.get(cast.column) ?? 0;
    return { ...cast, changed, loses: changed > 0 && WHOLE.has(cast.type) };
  });
}

/** DuckDB quotes names of fields only where it has to. */
function plainText(type: string): string {
  return type.replaceAll('"', "");
}

function isComparable(type: string): boolean {
  return COMPARABLE.test(type) && !type.endsWith("]");
}

async function typesOf(connection: DuckDBConnection, { sql }: Manifest): Promise<Map<string, string>> {
  const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM (${sql}\n)`);
  return new Map(described.getRows().map(([name, type]) => [String(name), String(type)]));
}

/** How many values of each column are not what they were when they come back from the table's type. */
async function changedBy(
  connection: DuckDBConnection,
  { sql }: Manifest,
  casts: Pick<Cast, "column" | "type" | "gives">[],
): Promise<Map<string, number>> {
  if (casts.length === 0) return new Map();
  const counts = casts.map(({ column, type, gives }) => {
    const value = identifier(column);
    const back = `TRY_CAST(TRY_CAST(${value} AS ${sqlType(type)}) AS ${gives})`;
    return `count(*) FILTER (WHERE ${value} IS DISTINCT FROM ${back})`;
  });
  const found = await connection.runAndReadAll(`SELECT ${counts.join(", ")} FROM (${sql}\n)`);
  const [row = []] = found.getRows();
  return new Map(casts.map(({ column }, index) => [column, Number(row[index])]));
}
