import { open } from "node:fs/promises";

/** Bytes that are read at once. */
const PIECE = 1024 ** 2;

const LINE_ENDS = [0x0a, 0x0d];

/**
 * Where in a CSV file a quoted value begins that does not end before the file does. DuckDB leaves out such a record without a
 * word when it reads with one thread, so that a file that was cut off would lose rows.
 *
 * @param delimiter one ASCII character, as is the quote
 * @param piece how many bytes are read at once
 * @returns the offset (bytes) of its opening quote, or undefined when all are closed
 */
export async function openQuote(
  file: string,
  delimiter: string,
  quote: string,
  piece = PIECE,
): Promise<number | undefined> {
  const scan = new Scan(quote.charCodeAt(0), new Set([...LINE_ENDS, delimiter.charCodeAt(0)]));
  const handle = await open(file);
  try {
    const buffer = Buffer.alloc(piece);
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, piece);
      if (bytesRead === 0) return scan.end();
      scan.take(buffer.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}

/** Jumps from quote to quote: a file without any costs one search. */
class Scan {
  private offset = 0;
  /** Where the open value began. */
  private opened: number | undefined;
  /** The last byte was a quote within a quoted value: it ends it, or the next one doubles it. */
  private closing = false;
  private last = 0x0a;

  constructor(
    private readonly quote: number,
    private readonly before: Set<number>,
  ) {}

  take(piece: Buffer): void {
    let at = 0;
    if (this.closing && piece[0] === this.quote) at = 1;
    else if (this.closing) this.opened = undefined;
    this.closing = false;
    for (at = piece.indexOf(this.quote, at); at >= 0; at = piece.indexOf(this.quote, at)) at = this.found(piece, at);
    this.last = piece[piece.length - 1] as number;
    this.offset += piece.length;
  }

  end(): number | undefined {
    return this.closing ? undefined : this.opened;
  }

  /** Goes on behind a quote. */
  private found(piece: Buffer, at: number): number {
    if (this.opened === undefined) {
      if (this.before.has(at === 0 ? this.last : (piece[at - 1] as number))) this.opened = this.offset + at;
      return at + 1;
    }
    if (at + 1 === piece.length) this.closing = true;
    else if (piece[at + 1] === this.quote) return at + 2;
    else this.opened = undefined;
    return at + 1;
  }
}
