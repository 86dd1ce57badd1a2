import { open } from "node:fs/promises";
import { Rejection } from "../../errors";
import { sizeInBytes } from "../../manifest-schema";
import { columnTypes, identifier, literal } from "../sql";
import { fieldOf, LARGEST_RECORD, type InputOf, type Source } from "./source";

/** Records of a JSON file: one object, several, or an array of them. */
export async function jsonSource(file: string, shape: "object" | "array", manifest: InputOf): Promise<Source> {
  const format = shape === "array" ? "array" : (await onePerLine(file)) ? "newline_delimited" : "unstructured";
  const { columns } = manifest.input;
  const limit = sizeInBytes(manifest.limits.objectSize);
  const options = [
    literal(file),
    `columns = ${columnTypes(columns.map((column) => ({ name: fieldOf(column), type: "VARCHAR" })))}`,
    `format = '${format}'`,
    "compression = 'uncompressed'",
    // Otherwise DuckDB takes values that are no records for those of a single column.
    "records = 'true'",
    // One record may be as large as the object: an array of one.
    `maximum_object_size = ${Math.min(Math.max(limit, 1024 ** 2), LARGEST_RECORD)}`,
  ];
  return {
    from: `read_json(${options.join(", ")})`,
    text: (column) => identifier(fieldOf(column)),
    rejection: jsonRejection,
  };
}

/** True when the first line is a record of its own. Lines can be told by number and read by several threads. */
async function onePerLine(file: string): Promise<boolean> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(FIRST_LINE), 0, FIRST_LINE, 0);
    const text = buffer.subarray(0, bytesRead).toString("utf8").trimStart();
    const end = text.indexOf("\n");
    const line = end >= 0 ? text.slice(0, end) : text;
    JSON.parse(line);
    return true;
  } catch {
    return false;
  } finally {
    await handle.close();
  }
}

/** A first line longer than this (bytes) is not looked at. */
const FIRST_LINE = 64 * 1024;

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
