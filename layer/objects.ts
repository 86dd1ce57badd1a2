import {
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import type { Readable } from "node:stream";
import { client } from "./clients";
import { LayerError, Rejection } from "./errors";
import type { ObjectRef } from "./messages";

/** From this size on (bytes) files are streamed instead of being held in memory. */
const STREAMED = 8 * 1024 ** 2;

/** The raw object was replaced before it could be read, and only the replacement can still be had. */
export class Replaced extends LayerError {
  constructor(
    key: string,
    /** Entity tag of what lies there now. */
    readonly etag: string,
  ) {
    super("ObjectReplaced", `${key} was replaced before it could be read`);
  }
}

/**
 * Opens one version of a raw object: by its version id, or, where none is known, only while its bytes are still the ones
 * that the event told of.
 *
 * @throws Rejection `ObjectGone` when it was deleted; Replaced
 */
export async function openRaw(ref: ObjectRef): Promise<Readable> {
  const { bucket: Bucket, key: Key, versionId: VersionId } = ref;
  try {
    const IfMatch = VersionId === undefined && ref.etag !== "" ? ref.etag : undefined;
    const { Body } = await (await client("s3")).send(new GetObjectCommand({ Bucket, Key, VersionId, IfMatch }));
    return Body as Readable;
  } catch (error) {
    const status = httpStatus(error);
    if (status === 412) throw new Replaced(Key, await currentEtag(Bucket, Key));
    if (status === 404) throw new Rejection("ObjectGone", `${Key} is not in ${Bucket} any more`);
    throw error;
  }
}

async function currentEtag(Bucket: string, Key: string): Promise<string> {
  try {
    const { ETag } = await (await client("s3")).send(new HeadObjectCommand({ Bucket, Key }));
    return (ETag ?? "").replaceAll('"', "");
  } catch (error) {
    if (httpStatus(error) === 404) throw new Rejection("ObjectGone", `${Key} is not in ${Bucket} any more`);
    throw error;
  }
}

/**
 * Opens a file of the stage bucket, or a part of it.
 *
 * @throws Rejection `StageFileGone` when it is not there: Stage A has to be redriven
 */
export async function openStage(
  bucket: string,
  key: string,
  part?: { start: number; bytes: number },
): Promise<Readable> {
  const Range = part && `bytes=${part.start}-${part.start + part.bytes - 1}`;
  try {
    const { Body } = await (await client("s3")).send(new GetObjectCommand({ Bucket: bucket, Key: key, Range }));
    return Body as Readable;
  } catch (error) {
    if (httpStatus(error) === 404)
      throw new Rejection("StageFileGone", `${key}, which Stage A wrote, is not in ${bucket} any more`);
    throw error;
  }
}

/** A file that is to be put. */
export interface Target {
  bucket: string;
  key: string;
  contentType: string;
  /** At most 2 KB. */
  metadata?: Record<string, string>;
}

/** Puts a file; a large one is streamed. */
export async function putFile(bucket: string, key: string, file: string, contentType: string): Promise<void> {
  const { size } = await stat(file);
  const body = size < STREAMED ? await readFile(file) : createReadStream(file);
  await put({ bucket, key, contentType }, body, size);
}

/** Puts bytes. */
export async function putBytes(target: Target, bytes: Buffer): Promise<void> {
  await put(target, bytes, bytes.length);
}

async function put(target: Target, Body: Buffer | Readable, ContentLength: number): Promise<void> {
  const { bucket: Bucket, key: Key, contentType: ContentType, metadata: Metadata } = target;
  const request = { Bucket, Key, Body, ContentLength, ContentType, Metadata };
  await (await client("s3")).send(new PutObjectCommand(request));
}

/** Deletes files; those that are not there any more count as deleted. */
export async function deleteFiles(bucket: string, keys: string[]): Promise<void> {
  for (let start = 0; start < keys.length; start += 1_000) {
    const Objects = keys.slice(start, start + 1_000).map((Key) => ({ Key }));
    const { Errors } = await (
      await client("s3")
    ).send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }));
    if (Errors && Errors.length > 0) {
      throw new LayerError(
        "DeleteFailed",
        `${Errors.length} files in ${bucket} could not be deleted: ${Errors[0]?.Key}: ${Errors[0]?.Message}`,
      );
    }
  }
}

/** All keys below a prefix that end as wanted. */
export async function listFiles(bucket: string, prefix: string, wanted: (key: string) => boolean): Promise<string[]> {
  const found: string[] = [];
  let token: string | undefined;
  do {
    const page = await (
      await client("s3")
    ).send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: token }));
    for (const { Key } of page.Contents ?? []) if (Key !== undefined && wanted(Key)) found.push(Key);
    token = page.NextContinuationToken;
  } while (token !== undefined);
  return found;
}

function httpStatus(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
}
