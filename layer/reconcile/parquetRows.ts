import { GetObjectCommand } from "@aws-sdk/client-s3";
import { parquetMetadata } from "hyparquet";
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { client } from "../clients";
import { env } from "../config";

/** Bytes read from a file's end at first: the metadata of a file with a few row groups is far smaller. */
const TAIL = 64 * 1024;

/** Length of the metadata and the magic number at a file's very end. */
const TRAILER = 8;

/**
 * Rows of a Parquet file of the stage bucket, from its metadata: one request, two where the metadata is large.
 *
 * @returns undefined when the file is not there
 * @throws when it is no Parquet file
 */
export async function parquetRows(key: string): Promise<number | undefined> {
  let tail = await readTail(key, TAIL);
  if (tail === undefined) return undefined;
  const length = tail.length < TRAILER ? 0 : tail.readUInt32LE(tail.length - TRAILER) + TRAILER;
  if (length > tail.length) tail = (await readTail(key, length)) ?? tail;
  const copy = new Uint8Array(tail);
  return Number(parquetMetadata(copy.buffer).num_rows);
}

async function readTail(Key: string, bytes: number): Promise<Buffer | undefined> {
  try {
    const request = new GetObjectCommand({ Bucket: env("STAGE_BUCKET"), Key, Range: `bytes=-${bytes}` });
    const { Body } = await (await client("s3")).send(request);
    return await buffer(Body as Readable);
  } catch (error) {
    const { $metadata, name } = error as { $metadata?: { httpStatusCode?: number }; name?: string };
    if ($metadata?.httpStatusCode === 404 || name === "NoSuchKey") return undefined;
    throw error;
  }
}
