import { Decompress } from "fzstd";
import { Duplex } from "node:stream";
import { Rejection } from "../errors";

/** What every zstd frame begins with. */
export const ZSTD = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

/** Bytes of history that a frame may ask for: what the zstd program unpacks without being told to take more. */
const LARGEST_WINDOW = 128 * 1024 ** 2;

/**
 * Bytes that are unpacked at once: the smallest block has 4 bytes and may become 128 KB, so that this many become at most
 * 32 MB before somebody downstream can stop it.
 */
const SLICE = 1024;

/** The frame that is being unpacked, as fzstd keeps it: `e` is the size of its window. A test would tell of a change. */
interface Internals {
  s?: { e?: number } | number | null;
}

/**
 * A stream that unpacks zstd, frame after frame. Node.js has it only from 22.15 on, and the local AWS runs functions in this
 * machine's Node.js. Checksums are not compared.
 *
 * @throws Rejection `MalformedZstd`
 */
export function unzstd(): Duplex {
  return Duplex.from(unpack);
}

async function* unpack(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let made: Buffer[] = [];
  const decoder = new Decompress((chunk) => {
    checkWindow(decoder);
    // A copy: the decoder reads its own chunk once more after this.
    if (chunk.length > 0) made.push(Buffer.from(chunk));
  });
  const push = (chunk: Uint8Array, final: boolean) => {
    try {
      decoder.push(chunk, final);
    } catch (error) {
      throw malformed(error);
    }
    const ready = made;
    made = [];
    return ready;
  };
  for await (const chunk of source) {
    // Copies: the decoder keeps what it was given, and the source may use its buffer again.
    for (let start = 0; start < chunk.length; start += SLICE)
      yield* push(Uint8Array.from(chunk.subarray(start, start + SLICE)), false);
  }
  yield* push(new Uint8Array(0), true);
}

function checkWindow(decoder: Decompress): void {
  const frame = (decoder as unknown as Internals).s;
  const window = frame && typeof frame === "object" ? (frame.e ?? 0) : 0;
  if (window > LARGEST_WINDOW)
    throw new Rejection("MalformedZstd", `the object asks for a window of ${window} bytes; 128 MB are allowed`);
}

function malformed(error: unknown): Error {
  if (error instanceof Rejection) return error;
  return new Rejection(
    "MalformedZstd",
    `the object begins like zstd but cannot be unpacked: ${(error as Error).message}`,
  );
}
