import type { DuckDBConnection } from "@duckdb/node-api";
import { open } from "node:fs/promises";
import { Rejection } from "../../errors";
import { sizeInBytes } from "../../manifest-schema";
import { stepsOf } from "../../manifest/schema";
import { isNested } from "../../manifest/types";
import type { Value } from "../convert";
import { rejecting } from "../rejecting";
import { columnTypes, identifier, list, literal, pointer } from "../sql";
import { checkDepth } from "./depth";
import { jsonFields, type Beginning } from "./observe";
import { fieldOf, LARGEST_RECORD, type InputOf, type Source } from "./source";

/** Bytes at the beginning of a file that are looked at. */
const FIRST = 64 * 1024;

/** Records of a JSON file: one object, several, or an array of them. */
export async function jsonSource(
  connection: DuckDBConnection,
  file: string,
  shape: "object" | "array",
  manifest: InputOf,
): Promise<Source> {
  const begin = await beginning(file);
  const format = shape === "array" ? "array" : begin.onePerLine ? "newline_delimited" : "unstructured";
  await checkDepth(file, begin.onePerLine && shape === "object");
  const limit = sizeInBytes(manifest.limits.objectSize);
  const options = [
    literal(file),
    `format = '${format}'`,
    "compression = 'uncompressed'",
    // One record may be as large as the object: an array of one.
    `maximum_object_size = ${Math.min(Math.max(limit, 1024 ** 2), LARGEST_RECORD)}`,
  ];
  const objects = `read_json_objects(${options.join(", ")})`;
  return {
    ...(manifest.evolution.new === "add" ? wholeRecords(objects, manifest) : fieldsOnly(options, manifest)),
    async names() {
      const query = `SELECT DISTINCT unnest(json_keys(json)) FROM ${objects}`;
      return new Set((await connection.runAndReadAll(query)).getRows().map(([name]) => String(name)));
    },
    fields: () => jsonFields(connection, begin, objects),
    rejection: jsonRejection,
  };
}

type Records = Pick<Source, "from" | "value" | "others">;

/** Reads the fields that columns name, and nothing else. */
function fieldsOnly(options: string[], manifest: InputOf): Records {
  const { columns } = manifest.input;
  // A text of JSON is taken apart only where it has to be.
  const nested = new Set(columns.filter((one) => isNested(one.type) || stepsOf(one).length > 1).map(fieldOf));
  const types = [...new Set(columns.map(fieldOf))].map((name) => ({
    name,
    type: nested.has(name) ? "JSON" : "VARCHAR",
  }));
  // Without "records" DuckDB takes values that are no records for those of a single column.
  const all = [...options, `columns = ${columnTypes(types)}`, "records = 'true'"];
  return {
    from: `read_json(${all.join(", ")})`,
    value(column) {
      const [field, ...steps] = stepsOf(column);
      const name = identifier(field);
      if (!nested.has(field)) return { text: name, json: `to_json(${name})` };
      if (steps.length === 0) return { text: `(${name} ->> '$')`, json: name };
      return inside(name, steps);
    },
    others: () => "'{}'",
  };
}

/** Reads whole records, for what no column names. All fields of columns are found in one pass over a record. */
function wholeRecords(objects: string, manifest: InputOf): Records {
  const { columns } = manifest.input;
  const pointers = columns.map((column) => literal(pointer(stepsOf(column))));
  const keys = "json_keys(json)";
  const record = [
    `CASE WHEN json_type(json) <> 'OBJECT' THEN ${rejecting("NotRecords", "a record is no object but ", "json_type(json)")}`,
    `WHEN len(${keys}) <> len(list_distinct(${keys})) THEN ${rejecting("MalformedJson", "a record has a field twice: ", "left(CAST(json AS VARCHAR), 80)")}`,
    "ELSE json END",
  ];
  const known = JSON.stringify(Object.fromEntries(columns.map((column) => [fieldOf(column), null])));
  const places = new Map(columns.map((column, place) => [column.name, place + 1]));
  return {
    from: `(SELECT _record, json_extract_string(_record, ${list(pointers)}) AS _values FROM (SELECT ${record.join(" ")} AS _record FROM ${objects}))`,
    value: (column) => ({
      text: `_values[${places.get(column.name)}]`,
      json: `json_extract(_record, ${literal(pointer(stepsOf(column)))})`,
    }),
    others: () => `json_merge_patch(_record, ${literal(known)})`,
  };
}

/** A value inside a JSON expression. */
export function inside(json: string, steps: readonly string[]): Value {
  const at = literal(pointer(steps));
  return { text: `json_extract_string(${json}, ${at})`, json: `json_extract(${json}, ${at})` };
}

async function beginning(file: string): Promise<Beginning> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(FIRST), 0, FIRST, 0);
    const text = buffer.subarray(0, bytesRead).toString("utf8").trimStart();
    return { text, whole: bytesRead < FIRST, onePerLine: onePerLine(text) };
  } finally {
    await handle.close();
  }
}

/** True when the first line is a record of its own. Lines can be told by number and read by several threads. */
function onePerLine(text: string): boolean {
  const end = text.indexOf("\n");
  try {
    JSON.parse(end >= 0 ? text.slice(0, end) : text);
    return true;
  } catch {
    return false;
  }
}

function jsonRejection(message: string): Rejection | undefined {
  if (message.includes("maximum_object_size")) return new Rejection("RecordTooLarge", "a record is larger than 64 MB");
  const malformed = /Malformed JSON in file .*, at byte (\d+) in (line|record\/value) (\d+): (.*)/.exec(message);
  if (malformed) {
    const [, byte, unit, number, what] = malformed;
    // DuckDB counts one too many here, and right where records have the wrong form.
    return new Rejection(
      "MalformedJson",
      `${place(unit, Number(number) - 1)}, byte ${byte}: ${(what as string).split(". ")[0]}`,
    );
  }
  const form = /JSON transform error in file .*, in (line|record\/value) (\d+): (.*)/.exec(message);
  if (!form) return undefined;
  const [, unit, number, what] = form;
  const reason = `${place(unit, Number(number))}: ${(what as string).slice(0, 200)}`;
  if (/^Expected OBJECT/.test(what as string)) return new Rejection("NotRecords", reason);
  return new Rejection("MalformedJson", reason);
}

function place(unit: string | undefined, number: number): string {
  return `${unit === "line" ? "line" : "record"} ${Math.max(1, number)}`;
}
