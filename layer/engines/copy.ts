import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  ListObjectsV2Command,
  UploadPartCopyCommand,
  type CompletedPart,
} from "@aws-sdk/client-s3";
import PQueue from "p-queue";
import { buffer } from "node:stream/consumers";
import { client } from "../clients";
import { env } from "../config";
import { Rejection } from "../errors";
import { putBytes } from "../objects";
import { openPre, type PreFile } from "../pre-files";

/** Largest object that S3 copies in one request (bytes). */
const COPY_LIMIT = 5 * 1024 ** 3;

/** Bytes of one part of a larger copy. */
const PART = 1024 ** 3;

/** Parts that are copied at the same time. */
const CONCURRENCY = 8;

/** A file of the stage bucket. */
export interface StageFile {
  key: string;
  /** Bytes. */
  size: number;
}

/** All files below a prefix, in the order of their keys. */
export async function filesBelow(Bucket: string, Prefix: string): Promise<StageFile[]> {
  const found: StageFile[] = [];
  let ContinuationToken: string | undefined;
  do {
    const page = await (await client("s3")).send(new ListObjectsV2Command({ Bucket, Prefix, ContinuationToken }));
    for (const { Key, Size = 0 } of page.Contents ?? []) if (Key !== undefined) found.push({ key: Key, size: Size });
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken !== undefined);
  return found;
}

/**
 * Copies a file within the bucket; its bytes do not pass through here.
 *
 * @param from its size may be 0 when it is not known: then it has to be below 5 GB
 * @throws Rejection `StageFileGone` when it is not there
 */
export async function copyFile(Bucket: string, from: StageFile, to: string): Promise<void> {
  const CopySource = `${Bucket}/${from.key.split("/").map(encodeURIComponent).join("/")}`;
  try {
    if (from.size <= COPY_LIMIT)
      await (await client("s3")).send(new CopyObjectCommand({ Bucket, Key: to, CopySource }));
    else await copyInParts({ Bucket, CopySource, size: from.size }, to);
  } catch (error) {
    if ((error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode !== 404) throw error;
    throw new Rejection("StageFileGone", `${from.key} is not in ${Bucket} any more: redrive it from Stage A`);
  }
}

/**
 * Gives an object's CSV a file of its own: engines elsewhere read whole files.
 *
 * @throws Rejection `StageFileGone` when it is not there
 */
export async function copyPre(pre: PreFile, to: string): Promise<void> {
  const bucket = env("STAGE_BUCKET");
  if (pre.preStart === undefined) return copyFile(bucket, { key: pre.preKey, size: pre.preBytes ?? 0 }, to);
  await putBytes({ bucket, key: to, contentType: "text/csv" }, await buffer(await openPre(pre)));
}

async function copyInParts(from: { Bucket: string; CopySource: string; size: number }, Key: string): Promise<void> {
  const { Bucket, CopySource, size } = from;
  const s3 = await client("s3");
  // One that is interrupted is ended by the bucket's lifecycle rule.
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
  const queue = new PQueue({ concurrency: CONCURRENCY });
  const starts = Array.from({ length: Math.ceil(size / PART) }, (_, index) => index * PART);
  const Parts = await queue.addAll(
    starts.map((start, index) => async (): Promise<CompletedPart> => {
      const CopySourceRange = `bytes=${start}-${Math.min(start + PART, size) - 1}`;
      const PartNumber = index + 1;
      const part = { Bucket, Key, UploadId, CopySource, CopySourceRange, PartNumber };
      const { CopyPartResult } = await s3.send(new UploadPartCopyCommand(part));
      return { PartNumber, ETag: CopyPartResult?.ETag };
    }),
  );
  await s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }));
}
