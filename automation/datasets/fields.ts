import type { DuckDBConnection } from "@duckdb/node-api";
import { manifestType } from "./types";
import type { CsvSettings } from "../../layer/manifest-schema";
import { readHeader } from "../../layer/transform/formats/header";
import type { Staged } from "../../layer/transform/light";
import { literal } from "../../layer/transform/sql";

/** A field of a sample, DuckDB's type for it, and the manifest's. */
export interface Field {
  name: string;
  type: string;
  column: string;
}

/** What a sample holds. */
export interface Fields {
  format: "json" | "csv" | "parquet";
  csv?: CsvSettings;
  fields: Field[];
  /** How the dates of a CSV file are written, where DuckDB found a way other than ISO 8601. */
  dates?: DateFormats;
  /** Sentences about what cannot become a column. */
  notes: string[];
}

/** Formats as `strptime` takes them. */
export interface DateFormats {
  date?: string;
  timestamp?: string;
}

/** Asks DuckDB what is in a sample. Nested values have a type of their own; all records are looked at. */
export async function readFields(connection: DuckDBConnection, { file, shape }: Staged): Promise<Fields> {
  if (shape === "csv") return csvFields(connection, file);
  if (shape === "parquet") {
    const fields = await describe(connection, `read_parquet(${literal(file)}, hive_partitioning = false)`);
    return { format: "parquet", ...named(fields) };
  }
  const options = "maximum_depth = 8, sample_size = -1, map_inference_threshold = -1, records = 'true'";
  const fields = await describe(connection, `read_json(${literal(file)}, ${options}, compression = 'uncompressed')`);
  const keys = `SELECT DISTINCT unnest(json_keys(json)) FROM read_json_objects(${literal(file)}, compression = 'uncompressed')`;
  const known = new Set((await connection.runAndReadAll(keys)).getRows().map(([key]) => String(key)));
  const { fields: right, notes } = named(fields.filter(({ name }) => known.has(name)));
  // DuckDB calls the second of two fields that differ in case by another name.
  const lost = [...known].filter((key) => key !== "" && !fields.some(({ name }) => name === key));
  return {
    format: "json",
    fields: right,
    notes: [...notes, ...lost.map((key) => `${key}: differs from another only in case`)],
  };
}

async function describe(connection: DuckDBConnection, from: string): Promise<Field[]> {
  const none = await connection.runAndReadAll(`SELECT * FROM ${from} LIMIT 0`);
  const types = none.columnTypes();
  return none.columnNames().map((name, place) => {
    const type = types[place] as (typeof types)[number];
    return { name, type: type.toString(), column: manifestType(type) };
  });
}

/** Longest name of a field that a manifest takes (characters). */
const LONGEST = 255;

function named(fields: Field[]): Pick<Fields, "fields" | "notes"> {
  const fits = ({ name }: Field) => name !== "" && name.length <= LONGEST;
  const notes = fields
    .filter((field) => !fits(field))
    .map(({ name }) => `${name.slice(0, 40) || "a field"}: no name, or above ${LONGEST} characters`);
  return { fields: fields.filter(fits), notes };
}

async function csvFields(connection: DuckDBConnection, file: string): Promise<Fields> {
  const csv = await dialect(connection, file);
  const { cells } = await readHeader(file, csv, []);
  const columns = cells.map((_, place) => `c${place}`);
  const options = [
    ...[literal(file), "sample_size = -1", "skip = 0", "comment = ''", "nullstr = ''", "compression = 'none'"],
    ...[`header = ${csv.header}`, `delim = ${literal(csv.delimiter ?? ",")}`],
    ...[
      `quote = ${literal(csv.quote)}`,
      `escape = ${literal(csv.quote)}`,
      `names = [${columns.map(literal).join(", ")}]`,
    ],
  ];
  // Where DuckDB cannot read a row, Stage A will say which, and why.
  const types = await describe(connection, `read_csv(${options.join(", ")})`).catch(() => []);
  const all = cells.map((cell, place) => ({
    name: csv.header ? cell : `column_${place + 1}`,
    type: types[place]?.type ?? "VARCHAR",
    column: types[place]?.column ?? "string",
  }));
  const dates = await dateFormats(connection, file);
  if (!csv.header) return { format: "csv", csv, dates, fields: all, notes: [] };
  return { format: "csv", csv, dates, ...named(all) };
}

/** The dialect by DuckDB's sniffing, unless it leaves out lines to make sense of the file: then by the first line. */
async function dialect(connection: DuckDBConnection, file: string): Promise<CsvSettings> {
  const header = await readHeader(file, { header: true, quote: '"' }, []);
  const otherwise = { header: true, delimiter: header.delimiter, quote: '"' };
  const query = `SELECT Delimiter, Quote, HasHeader, SkipRows FROM sniff_csv(${literal(file)}, sample_size = -1, comment = '')`;
  try {
    const [row] = (await connection.runAndReadAll(query)).getRows();
    const [delimiter, quote, hasHeader, skipped] = (row ?? []) as [string, string, boolean, number];
    // One bad row is enough for it to take the whole line as one value.
    if (header.cells.length > 1 && delimiter !== header.delimiter) {
      const other = await readHeader(file, { header: true, quote: '"', delimiter }, []);
      if (other.cells.length === 1) return otherwise;
    }
    if (Number(skipped) > header.skip || !/^[\t\x20-\x7e]$/.test(delimiter)) return otherwise;
    return { header: Boolean(hasHeader), delimiter, quote: /^[\x20-\x7e]$/.test(quote) ? quote : '"' };
  } catch {
    return otherwise;
  }
}

async function dateFormats(connection: DuckDBConnection, file: string): Promise<DateFormats> {
  const query = `SELECT DateFormat, TimestampFormat FROM sniff_csv(${literal(file)}, sample_size = -1, comment = '')`;
  const rows = await connection.runAndReadAll(query).then(
    (found) => found.getRows(),
    () => [],
  );
  const [date, timestamp] = (rows[0] ?? []).map((format) => (typeof format === "string" ? format : ""));
  return { ...(date ? { date } : {}), ...(timestamp ? { timestamp } : {}) };
}
