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
  let cell = "";
  let quoted = false;
  let begun = false;
  for (let at = 0; at < text.length; at++) {
    const letter = text[at] as string;
    if (quoted) {
      if (letter !== quote) cell += letter;
      else if (text[at + 1] === quote) cell += text[++at] as string;
      else quoted = false;
    } else if (letter === quote && !begun) quoted = begun = true;
    else if (letter === delimiter || letter === "\n" || letter === "\r") {
      cells.push(cell.trim());
      if (letter !== delimiter) return cells;
      cell = "";
      begun = false;
    } else {
      cell += letter;
      begun = true;
    }
  }
  return undefined;
}
