import { createWriteStream } from "node:fs";
import { Readable, Transform, type TransformCallback } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { Rejection } from "../errors";

/** What a staged file begins with. */
export type Shape = "object" | "array";

/** Bytes of JSON's white space: tab, line feed, carriage return, space. */
const BLANK = new Set([0x09, 0x0a, 0x0d, 0x20]);

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
const GZIP = Buffer.from([0x1f, 0x8b]);

/**
 * Writes the raw bytes to a file, unpacked if they are gzip (which the bytes tell, not the name), and finds out what they
 * begin with.
 *
 * @param limit most bytes, before and after unpacking
 * @throws Rejection `EmptyObject`, `ObjectTooLarge`, `NotRecords` or `MalformedGzip`
 */
export async function stage(source: Readable, file: string, limit: number): Promise<Shape> {
  const [first, bytes] = await beginning(source);
  const packed = first.subarray(0, 2).equals(GZIP);
  const look = new Look(limit);
  const unpack = packed ? [new Limit(limit), createGunzip()] : [];
  try {
    await pipeline([bytes, ...unpack, look, createWriteStream(file)]);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (packed && (code.startsWith("Z_") || code === "ERR_BUFFER_TOO_LARGE")) {
      throw new Rejection(
        "MalformedGzip",
        `the object begins like gzip but cannot be unpacked: ${(error as Error).message}`,
      );
    }
    throw error;
  }
  return shapeOf(look.first);
}

function shapeOf(first: number | undefined): Shape {
  if (first === undefined) throw new Rejection("EmptyObject", "the object holds nothing, or nothing but white space");
  if (first === 0x7b) return "object";
  if (first === 0x5b) return "array";
  const shown = JSON.stringify(String.fromCharCode(first));
  throw new Rejection(
    "NotRecords",
    `the object begins with ${shown}; records begin with { and arrays of records with [`,
  );
}

/** The first bytes (at least two, if there are as many) and a stream of all bytes. */
async function beginning(source: Readable): Promise<[Buffer, Readable]> {
  const iterator = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let first: Buffer = Buffer.alloc(0);
  while (first.length < BYTE_ORDER_MARK.length) {
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

function tooLarge(limit: number): Rejection {
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

/** A limit that drops a byte order mark and remembers the first byte that means something. */
class Look extends Limit {
  first: number | undefined;
  private begun = false;

  protected override pass(chunk: Buffer): Buffer {
    const marked = !this.begun && chunk.subarray(0, 3).equals(BYTE_ORDER_MARK);
    this.begun ||= chunk.length > 0;
    const text = marked ? chunk.subarray(3) : chunk;
    this.first ??= text.find((byte) => !BLANK.has(byte));
    return text;
  }
}
