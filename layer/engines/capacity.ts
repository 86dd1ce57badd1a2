import { statfs } from "node:fs/promises";
import { Rejection } from "../errors";

/**
 * How much room DuckDB needs in /tmp for a CSV of one byte: the CSV itself, the rows that it spills, and the Parquet files.
 * Spilled rows are packed, Parquet is smaller still; measured at 1.2 to 2.2, so 3 is safe.
 */
const ROOM = 3;

/**
 * Checks, before anything is fetched, that DuckDB has room for an object's CSV.
 *
 * @param bytes of the CSV
 * @param directory where the CSV, what DuckDB spills and the Parquet files go
 * @throws Rejection `TransformTooLarge`, which names what to do
 */
export async function requireRoom(bytes: number, directory: string): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  const free = bavail * bsize;
  if (bytes * ROOM <= free) return;
  const most = megabytes(free / ROOM);
  throw new Rejection(
    "TransformTooLarge",
    `the object's CSV has ${megabytes(bytes)} MB; DuckDB in this function takes up to ${most} MB (a third of what is free in /tmp): ` +
      "choose engine: glue, athena or auto in the manifest, or give the function more /tmp (tributary:functions.stage-b-process-data.tmp), or split the object",
  );
}

/** What Stage A has no room for in /tmp. */
export class NoRoom extends Rejection {
  constructor(message: string) {
    const next =
      "no engine helps, because every object goes through this function first: send smaller objects, or give it more /tmp " +
      "(tributary:functions.stage-a-process-object.tmp, up to 10 GB), then redrive";
    super("TransformTooLarge", `${message}: ${next}`);
  }
}

/**
 * Checks, before anything is fetched, that Stage A has room for an object. How much it is unpacked and as CSV turns out later:
 * {@link noRoom}.
 *
 * @param bytes of the object as it is in the bucket
 * @throws NoRoom
 */
export async function requireRoomFor(bytes: number, directory: string): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  const free = bavail * bsize;
  if (bytes > free)
    throw new NoRoom(
      `the object has ${megabytes(bytes)} MB, and ${megabytes(free)} MB are free in /tmp for it and its CSV`,
    );
}

/** What an error is where it says that the disk is full, from the file system or from DuckDB; else undefined. */
export async function noRoom(error: unknown, bytes: number, directory: string): Promise<NoRoom | undefined> {
  if (!isDiskFull(error)) return undefined;
  const { blocks, bsize } = await statfs(directory);
  return new NoRoom(
    `the object has ${megabytes(bytes)} MB in the bucket; unpacked, and together with its CSV, it is more than /tmp has room for, which has ${megabytes(blocks * bsize)} MB in all`,
  );
}

function isDiskFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOSPC" || /No space left on device/i.test(error.message) || isDiskFull(error.cause);
}

function megabytes(bytes: number): number {
  return Math.floor(bytes / 1024 ** 2);
}
