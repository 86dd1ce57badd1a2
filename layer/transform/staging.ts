import { createWriteStream } from "node:fs";
import { Readable, Transform, type TransformCallback } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { Rejection } from "../errors";
import type { InputFormat } from "../manifest-schema";
import { unzstd, ZSTD } from "./zstd";

/** What a staged file is: JSON that begins with an object or with an array, CSV, or Parquet. */
export type Shape = "object" | "array" | "csv" | "parquet";

/** Bytes of JSON's white space: tab, line feed, carriage return, space. */
const BLANK = new Set([0x09, 0x0a, 0x0d, 0x20]);

/** White space in front (bytes) that is kept, so that messages count lines right; more of it would only fill the disk. */
const KEPT_BLANK = 1024 ** 2;

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
const GZIP = Buffer.from([0x1f, 0x8b]);

/** What a Parquet file begins with. */
const PARQUET = Buffer.from("PAR1");

/**
 * Writes the raw bytes to a file, unpacked if they are gzip or zstd (which the bytes tell, not the name), and finds out
 * what they are.
 *
 * @param limit most bytes, before and after unpacking
 * @param format what the manifest says; `auto` goes by what the unpacked bytes begin with
 * @throws Rejection `EmptyObject`, `ObjectTooLarge`, `NotRecords`, `MalformedGzip` or `MalformedZstd`
 */
export async function stage(
  source: Readable,
  file: string,
  limit: number,
  format: InputFormat = "auto",
): Promise<Shape> {
  const [first, bytes] = await beginning(source);
  const gzip = first.subarray(0, GZIP.length).equals(GZIP);
  const zstd = first.subarray(0, ZSTD.length).equals(ZSTD);
  const look = new Look(limit);
  const unpack = gzip || zstd ? [new Limit(limit), gzip ? createGunzip() : unzstd()] : [];
  try {
    await pipeline([bytes, ...unpack, look, createWriteStream(file)]);
  } catch (error) {
    const code = String((error as NodeJS.ErrnoException).code ?? "");
    if (gzip && (code.startsWith("Z_") || code === "ERR_BUFFER_TOO_LARGE")) {
      throw new Rejection(
        "MalformedGzip",
        `the object begins like gzip but cannot be unpacked: ${(error as Error).message}`,
      );
    }
    throw error;
  }
  return shapeOf(look, format);
}

function shapeOf({ first, start }: Look, format: InputFormat): Shape {
  if (first === undefined) throw new Rejection("EmptyObject", "the object holds nothing, or nothing but white space");
  const found = start.equals(PARQUET) ? "parquet" : first === 0x7b ? "object" : first === 0x5b ? "array" : "csv";
  if (format === "auto" || format === found) return found;
  if (format === "csv") {
    if (found !== "parquet") return "csv";
    throw new Rejection("NotRecords", "the object is a Parquet file; the manifest says csv (input.format)");
  }
  if (format === "json" && (found === "object" || found === "array")) return found;
  const wanted = format === "json" ? "records begin with { and arrays of records with [" : "Parquet begins with PAR1";
  throw new Rejection("NotRecords", `the object begins with ${JSON.stringify(shown(start))}; ${wanted}`);
}

function shown(start: Buffer): string {
  return start.toString("latin1").trimStart();
}

/** The first bytes (at least four, if there are as many) and a stream of all bytes. */
async function beginning(source: Readable): Promise<[Buffer, Readable]> {
  const iterator = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let first: Buffer = Buffer.alloc(0);
  while (first.length < ZSTD.length) {
    const { done, value } = await iterator.next();
    if (done) break;
    first = Buffer.concat([first, Buffer.from(value)]);
  }
  const rest = { [Symbol.asyncIterator]: () => iterator };
  const all = async function* () {
    if (first.length > 0) yield first;
    yield* rest;
  };
  return [first, Readable.from(all(), { objectMode: false })];
}

/** The rejection of what is larger than `limit` bytes. */
export function tooLarge(limit: number): Rejection {
  const megabytes = Math.round((limit / 1024 ** 2) * 10) / 10;
  return new Rejection(
    "ObjectTooLarge",
    `the object is larger than the ${megabytes} MB that the manifest allows (limits.objectSize)`,
  );
}

/** Lets so many bytes pass, then fails. */
class Limit extends Transform {
  private seen = 0;

  constructor(private readonly limit: number) {
    super();
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.seen += chunk.length;
    if (this.seen > this.limit) done(tooLarge(this.limit));
    else done(null, this.pass(chunk));
  }

  protected pass(chunk: Buffer): Buffer {
    return chunk;
  }
}

/** A limit that drops a byte order mark and remembers how the rest begins. */
class Look extends Limit {
  /** The first byte that means something. */
  first: number | undefined;
  /** The first four bytes, white space or not. */
  start: Buffer = Buffer.alloc(0);
  private held: Buffer | undefined = Buffer.alloc(0);
  /** Bytes of white space in front. */
  private blank = 0;

  protected override pass(chunk: Buffer): Buffer {
    return this.held === undefined ? this.look(chunk) : this.begin(Buffer.concat([this.held, chunk]));
  }

  override _flush(done: TransformCallback): void {
    done(null, this.held && this.held.length > 0 ? this.look(this.held) : null);
  }

  /** A byte order mark may come in pieces. */
  private begin(bytes: Buffer): Buffer {
    this.held = bytes.length < BYTE_ORDER_MARK.length ? bytes : undefined;
    if (this.held) return Buffer.alloc(0);
    const marked = bytes.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
    return this.look(marked ? bytes.subarray(BYTE_ORDER_MARK.length) : bytes);
  }

  private look(chunk: Buffer): Buffer {
    if (this.start.length < PARQUET.length)
      this.start = Buffer.concat([this.start, chunk.subarray(0, PARQUET.length - this.start.length)]);
    if (this.first !== undefined) return chunk;
    const at = meaning(chunk);
    this.first = chunk[at];
    if (this.first === undefined) this.blank += chunk.length;
    return this.blank > KEPT_BLANK && this.first === undefined ? Buffer.alloc(0) : chunk;
  }
}

/** Place of the first byte that is no white space; behind the end where there is none. */
function meaning(chunk: Buffer): number {
  const [one] = chunk;
  // Where one and the same byte fills it, a comparison is a hundred times faster than a look at each.
  if (one !== undefined && BLANK.has(one) && isFilled(chunk)) return chunk.length;
  let at = 0;
  while (at < chunk.length && BLANK.has(chunk[at] as number)) at++;
  return at;
}

/** Whether all bytes are the same. */
function isFilled(chunk: Buffer): boolean {
  return chunk.subarray(1).equals(chunk.subarray(0, chunk.length - 1));
}
