import { open } from "node:fs/promises";
import { Rejection } from "../../errors";
import type { CsvSettings } from "../../manifest-schema";

/** Delimiters that are tried where the manifest names none, in this order. */
const DELIMITERS = [",", ";", "\t", "|"];

/** Bytes within which the first line has to end. */
const LONGEST_HEADER = 1024 ** 2;

/** How a CSV file begins. */
export interface Header {
  delimiter: string;
  /** Values of the first line; blanks around names mean nothing. */
  cells: string[];
  /** Empty lines before it. */
  skip: number;
}

/**
 * Reads the first line of a CSV file. Where the manifest names no delimiter, it is the one by which the line has most of the
 * wanted fields, or, where none has any, most values: what follows the first line may be dirty and is not asked.
 *
 * @throws Rejection `MalformedCsv` when the line does not end within 1 MB, or a quoted value in it does not
 */
export async function readHeader(file: string, settings: CsvSettings, fields: string[]): Promise<Header> {
  const { text, skip } = await firstLines(file);
  const wanted = new Set(fields);
  const readings = (settings.delimiter === undefined ? DELIMITERS : [settings.delimiter]).flatMap((delimiter) => {
    const cells = firstRecord(text, delimiter, settings.quote);
    return cells ? [{ delimiter, cells, skip, known: cells.filter((cell) => wanted.has(cell)).length }] : [];
  });
  const best = readings.reduce<(typeof readings)[number] | undefined>(
    (one, other) => (one && (one.known - other.known || one.cells.length - other.cells.length) >= 0 ? one : other),
    undefined,
  );
  if (best) return { delimiter: best.delimiter, cells: best.cells, skip };
  throw new Rejection("MalformedCsv", "the first line does not end within 1 MB: a quote in it may be open");
}

async function firstLines(file: string): Promise<{ text: string; skip: number }> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(LONGEST_HEADER), 0, LONGEST_HEADER, 0);
    const all = buffer.subarray(0, bytesRead).toString("utf8");
    const blank = /^(\r\n|\n|\r)*/.exec(all)?.[0] ?? "";
    const text = all.slice(blank.length);
    const skip = blank.split(/\r\n|\n|\r/).length - 1;
    return { text: bytesRead < LONGEST_HEADER ? `${text}\n` : text, skip };
  } finally {
    await handle.close();
  }
}

/** The values of a text's first record; undefined where it does not end. */
function firstRecord(text: string, delimiter: string, quote: string): string[] | undefined {
  const cells: string[] = [];
  const ends = new RegExp(`[\\n\\r\\u${delimiter.charCodeAt(0).toString(16).padStart(4, "0")}]`, "g");
  for (let at = 0; ;) {
    const quoted = text[at] === quote ? unquoted(text, at + 1, quote) : { value: "", end: at };
    if (!quoted) return undefined;
    ends.lastIndex = quoted.end;
    const end = ends.exec(text)?.index;
    if (end === undefined) return undefined;
    cells.push((quoted.value + text.slice(quoted.end, end)).trim());
    if (text[end] !== delimiter) return cells;
    at = end + 1;
  }
}

/** A quoted value and where it ends; undefined where it does not. */
function unquoted(text: string, from: number, quote: string): { value: string; end: number } | undefined {
  let value = "";
  for (let at = from; ;) {
    const end = text.indexOf(quote, at);
    if (end < 0) return undefined;
    value += text.slice(at, end);
    if (text[end + 1] !== quote) return { value, end: end + 1 };
    value += quote;
    at = end + 2;
  }
}
