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

function megabytes(bytes: number): number {
  return Math.floor(bytes / 1024 ** 2);
}
