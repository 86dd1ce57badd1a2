import { stat } from "node:fs/promises";
import { Rejection } from "../../errors";
import { stepsOf, type Evolution } from "../../manifest/schema";
import { rejecting } from "../rejecting";
import { columnTypes, literal, textExpression } from "../sql";
import { inside } from "./json";
import { readHeader, type Header } from "./header";
import { openQuote } from "./quotes";
import { fieldOf, LARGEST_RECORD, NOTHING, type InputOf, type Source } from "./source";

/** Bytes that are read at once, if no line needs more. */
const SMALLEST_BUFFER = 4 * 1024 ** 2;

/**
 * Records of a CSV file (RFC 4180). An empty value is NULL, "" an empty text in a text column and NULL in others.
 *
 * @throws Rejection `MalformedCsv`, or `NotRecords` when the header names no column of the manifest
 */
export async function csvSource(file: string, manifest: InputOf): Promise<Source> {
  const { csv, columns } = manifest.input;
  const fields = columns.map((column) => fieldOf(column).trim());
  const header = await readHeader(file, csv, csv.header ? fields : []);
  const places = csv.header ? byName(header.cells, fields) : byPlace(header.cells, fields);
  const begun = await openQuote(file, header.delimiter, csv.quote);
  if (begun !== undefined)
    throw new Rejection("MalformedCsv", `the quoted value that begins at byte ${begun + 1} does not end`);
  const { size } = await stat(file);
  const names = csv.header ? cellNames(header.cells) : fields;
  return {
    from: readCsv(file, size, header, { quote: csv.quote, header: csv.header }),
    value(column) {
      const [field, ...steps] = stepsOf(column);
      const place = places.get(field.trim());
      if (place === undefined) return NOTHING;
      const json = jsonOf(column.name, `c${place}`, manifest.evolution);
      if (steps.length > 0) return inside(json, steps);
      return { text: column.type === "string" ? `c${place}` : `nullif(c${place}, '')`, json };
    },
    others() {
      const named = new Set(places.values());
      const pairs = names.flatMap((name, place) => (named.has(place) ? [] : [`${textExpression(name)}, c${place}`]));
      // A patch leaves out what is NULL.
      return pairs.length === 0 ? "'{}'" : `json_merge_patch('{}', json_object(${pairs.join(", ")}))`;
    },
    names: () => Promise.resolve(new Set(names)),
    fields: () => Promise.resolve(names.map((name) => ({ name, type: "string" }))),
    rejection: csvRejection,
  };
}

/** JSON in a cell; an empty one holds none. What is no JSON is a text, where the manifest does not reject it. */
function jsonOf(column: string, cell: string, { retyped }: Evolution): string {
  const text = `nullif(${cell}, '')`;
  const misfit = rejecting("SchemaMismatch", `column ${column} takes JSON, not `, `to_json(left(${text}, 80))`);
  const otherwise = retyped === "fail" ? `CAST(${misfit} AS JSON)` : `to_json(${text})`;
  return `CASE WHEN ${text} IS NULL OR json_valid(${text}) THEN CAST(${text} AS JSON) ELSE ${otherwise} END`;
}

/** Names of all columns, each once: a header may lack some, and have others twice. */
function cellNames(cells: string[]): string[] {
  const taken = new Set<string>();
  return cells.map((cell, place) => {
    const name = cell === "" || taken.has(cell) ? `column_${place + 1}` : cell;
    taken.add(name);
    return name;
  });
}

function byName(cells: string[], fields: string[]): Map<string, number> {
  const places = new Map<string, number>();
  cells.forEach((cell, place) => {
    if (places.has(cell) && fields.includes(cell))
      throw new Rejection("MalformedCsv", `line 1: the header has ${JSON.stringify(cell)} twice`);
    places.set(cell, place);
  });
  if (fields.some((field) => places.has(field))) return new Map(fields.flatMap((field) => pairOf(places, field)));
  const begin = JSON.stringify(cells.join(" ").slice(0, 80));
  throw new Rejection(
    "NotRecords",
    `the object begins with ${begin}: that is no JSON and no Parquet, and as the header of CSV it has none of ${fields.slice(0, 10).join(", ")}`,
  );
}

function pairOf(places: Map<string, number>, field: string): [string, number][] {
  const place = places.get(field);
  return place === undefined ? [] : [[field, place]];
}

function byPlace(cells: string[], fields: string[]): Map<string, number> {
  if (cells.length === fields.length) return new Map(fields.map((field, place) => [field, place]));
  throw new Rejection(
    "MalformedCsv",
    `line 1 has ${cells.length} values; without a header it has to have the manifest's ${fields.length}`,
  );
}

function readCsv(file: string, size: number, read: Header, settings: { quote: string; header: boolean }): string {
  const line = Math.min(size + 1, LARGEST_RECORD);
  const options = [
    literal(file),
    `columns = ${columnTypes(read.cells.map((_, place) => ({ name: `c${place}`, type: "VARCHAR" })))}`,
    "auto_detect = false",
    "compression = 'none'",
    `header = ${settings.header}`,
    `skip = ${read.skip}`,
    `delim = ${literal(read.delimiter)}`,
    `quote = ${literal(settings.quote)}`,
    `escape = ${literal(settings.quote)}`,
    ...["nullstr = ''", "allow_quoted_nulls = false"],
    // One record may fill the file; DuckDB would make its buffer 16 times as large as the longest line.
    `max_line_size = ${line}`,
    `buffer_size = ${Math.max(line, SMALLEST_BUFFER)}`,
    // A quoted line break may stand at the border of two threads' parts.
    "parallel = false",
  ];
  return `read_csv(${options.join(", ")})`;
}

/** DuckDB's words for what is wrong with a line, and ours. */
const REASONS: [RegExp, (found: RegExpExecArray) => string][] = [
  [/Expected Number of Columns: (\d+) Found: (\d+)/, ([, wanted, found]) => `${found} values where ${wanted} belong`],
  [/unterminated quote/, () => "a quoted value does not end, or goes on behind its quote"],
  [/Invalid unicode|not utf-8/, () => "bytes that are no UTF-8"],
  [/invalid state/, () => "lines end in different ways, or a value is not quoted as RFC 4180 says"],
];

function csvRejection(message: string): Rejection | undefined {
  if (/Maximum line size/.test(message)) return new Rejection("RecordTooLarge", "a record is larger than 64 MB");
  const line = /CSV Error on Line: (\d+)/.exec(message)?.[1];
  const reason = REASONS.flatMap(([pattern, words]) => {
    const found = pattern.exec(message);
    return found ? [words(found)] : [];
  })[0];
  if (line === undefined && reason === undefined) return undefined;
  return new Rejection("MalformedCsv", `${line === undefined ? "" : `line ${line}: `}${reason ?? "no CSV"}`);
}
