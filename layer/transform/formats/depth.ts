import { open } from "node:fs/promises";
import { Rejection } from "../../errors";

/** How deep values of JSON may be nested; Jackson's default. DuckDB's reader ends the whole process somewhere above 10,000. */
export const DEEPEST = 1_000;

/** Bytes that are read at once. */
const PIECE = 1024 ** 2;

const [QUOTE, BACKSLASH, LINE_END] = [0x22, 0x5c, 0x0a];

/**
 * Makes sure that DuckDB can read a JSON file without overflowing its stack.
 *
 * @param onePerLine records end with their lines: then lines shorter than the depth is allowed to be need no look
 * @param piece how many bytes are read at once
 * @throws Rejection `NestedTooDeep`
 */
export async function checkDepth(file: string, onePerLine: boolean, piece = PIECE): Promise<void> {
  const scan = new Scan(onePerLine);
  const handle = await open(file);
  try {
    const buffer = Buffer.alloc(piece);
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, piece);
      if (bytesRead === 0) return;
      scan.take(buffer.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}

class Scan {
  private depth = 0;
  private quoted = false;
  private escaped = false;
  /** Whether a line begins with the next byte. */
  private fresh = true;

  constructor(private readonly onePerLine: boolean) {}

  take(piece: Buffer): void {
    let at = 0;
    while (at < piece.length) {
      if (this.onePerLine && this.fresh) at = this.jump(piece, at);
      at = this.look(piece, at, this.onePerLine ? piece.indexOf(LINE_END, at) : -1);
    }
  }

  /** Leaves out whole lines that are too short to be too deep. */
  private jump(piece: Buffer, from: number): number {
    let at = from;
    for (;;) {
      const end = piece.lastIndexOf(LINE_END, at + DEEPEST);
      if (end < at) return at;
      at = end + 1;
    }
  }

  /** Looks at bytes up to a line's end, or to the end of the piece. */
  private look(piece: Buffer, from: number, lineEnd: number): number {
    const end = lineEnd < 0 ? piece.length : lineEnd;
    this.bytes(piece, from, end);
    this.fresh = lineEnd >= 0;
    if (!this.fresh) return end;
    this.depth = 0;
    this.quoted = this.escaped = false;
    return end + 1;
  }

  /** Every byte of every large array comes here: one loop over local variables is five times as fast as calls. */
  private bytes(piece: Buffer, from: number, end: number): void {
    let { depth, quoted, escaped } = this;
    for (let at = from; at < end; at++) {
      const byte = piece[at] as number;
      if (escaped) escaped = false;
      else if (quoted) {
        if (byte === BACKSLASH) escaped = true;
        else if (byte === QUOTE) quoted = false;
      } else if (byte === QUOTE) quoted = true;
      // [ and {, ] and }: they differ in one bit.
      else if ((byte | 0x20) === 0x7b) {
        if (++depth > DEEPEST) throw tooDeep();
      } else if ((byte | 0x20) === 0x7d) depth--;
    }
    Object.assign(this, { depth, quoted, escaped });
  }
}

function tooDeep(): Rejection {
  return new Rejection("NestedTooDeep", `values are nested deeper than ${DEEPEST} levels`);
}
