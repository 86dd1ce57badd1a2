import type {
  CopyObjectCommandInput,
  DeleteObjectsCommandInput,
  GetObjectCommandInput,
  ListObjectsV2CommandInput,
  ListObjectVersionsCommandInput,
  PutObjectCommandInput,
} from "@aws-sdk/client-s3";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { serviceError, type Command } from "./command";

interface Version {
  body: Buffer;
  etag: string;
  versionId: string;
  lastModified: Date;
  metadata?: Record<string, string> | undefined;
}

/** S3 as far as the layer uses it: the newest version of each object, and former ones by their id where a test wants ids. */
export class FakeS3 {
  private readonly objects = new Map<string, Version>();
  /** Versions of each object, oldest first. */
  private readonly versions = new Map<string, Version[]>();
  private count = 0;
  /** When what is put now was put. */
  now = (): Date => new Date();
  readonly requests: Record<string, number> = {};
  before: (name: string, input: unknown) => void = () => undefined;

  async send(command: Command): Promise<unknown> {
    const name = command.constructor.name;
    this.requests[name] = (this.requests[name] ?? 0) + 1;
    await Promise.resolve();
    this.before(name, command.input);
    if (name === "GetObjectCommand") return this.getObject(command.input as GetObjectCommandInput);
    if (name === "HeadObjectCommand") {
      const { etag, body, versionId, lastModified } = this.find(command.input as GetObjectCommandInput);
      return { ETag: `"${etag}"`, ContentLength: body.length, VersionId: versionId, LastModified: lastModified };
    }
    if (name === "PutObjectCommand") return this.putObject(command.input as PutObjectCommandInput);
    if (name === "CopyObjectCommand") return this.copyObject(command.input as CopyObjectCommandInput);
    if (name === "DeleteObjectsCommand") return this.deleteObjects(command.input as DeleteObjectsCommandInput);
    if (name === "ListObjectsV2Command") return this.list(command.input as ListObjectsV2CommandInput);
    if (name === "ListObjectVersionsCommand") return this.listVersions(command.input as ListObjectVersionsCommandInput);
    assert.fail(`the fake S3 does not know ${name}`);
  }

  /** Puts an object; answers its entity tag. */
  put(bucket: string, key: string, body: Buffer | string, metadata?: Record<string, string>): string {
    const bytes = Buffer.from(body);
    const etag = createHash("md5").update(bytes).digest("hex");
    const version = { body: bytes, etag, versionId: `v${++this.count}`, lastModified: this.now(), metadata };
    this.objects.set(`${bucket}/${key}`, version);
    this.versions.set(`${bucket}/${key}`, [...(this.versions.get(`${bucket}/${key}`) ?? []), version]);
    return etag;
  }

  keys(bucket: string): string[] {
    return [...this.objects.keys()]
      .filter((name) => name.startsWith(`${bucket}/`))
      .map((name) => name.slice(bucket.length + 1));
  }

  body(bucket: string, key: string): Buffer {
    return this.find({ Bucket: bucket, Key: key }).body;
  }

  /** The entity tag of an object's newest version. */
  etag(bucket: string, key: string): string {
    return this.find({ Bucket: bucket, Key: key }).etag;
  }

  /** Deletes an object with all its versions. */
  remove(bucket: string, key: string): void {
    this.objects.delete(`${bucket}/${key}`);
    this.versions.delete(`${bucket}/${key}`);
  }

  /** The id of an object's newest version. */
  versionId(bucket: string, key: string): string {
    return this.find({ Bucket: bucket, Key: key }).versionId;
  }

  private find({ Bucket, Key, VersionId }: Pick<GetObjectCommandInput, "Bucket" | "Key" | "VersionId">) {
    const versions = this.versions.get(`${Bucket}/${Key}`) ?? [];
    const known = versions.find(({ versionId }) => versionId === VersionId);
    const found = VersionId === undefined ? this.objects.get(`${Bucket}/${Key}`) : known;
    if (found === undefined) throw serviceError("NoSuchKey", 404);
    return found;
  }

  private getObject(input: GetObjectCommandInput) {
    const { body, etag, metadata: Metadata } = this.find(input);
    if (input.IfMatch !== undefined && input.IfMatch !== etag) throw serviceError("PreconditionFailed", 412);
    const [, from = "", to = ""] = /^bytes=(\d*)-(\d+)$/.exec(input.Range ?? "") ?? [];
    const start = from === "" ? Math.max(0, body.length - Number(to)) : Number(from);
    const bytes = input.Range === undefined ? body : body.subarray(start, from === "" ? undefined : Number(to) + 1);
    return { Body: Readable.from(bytes.length > 0 ? [bytes] : []), ETag: `"${etag}"`, Metadata };
  }

  private async putObject({ Bucket, Key, Body, ContentLength, Metadata, IfMatch }: PutObjectCommandInput) {
    if (IfMatch !== undefined && IfMatch !== `"${this.find({ Bucket, Key }).etag}"`)
      throw serviceError("PreconditionFailed", 412);
    const bytes = Body instanceof Readable ? await buffer(Body) : Buffer.from(Body as Uint8Array);
    assert.equal(bytes.length, ContentLength);
    return { ETag: `"${this.put(Bucket as string, Key as string, bytes, Metadata)}"` };
  }

  private copyObject({ Bucket, Key, CopySource = "" }: CopyObjectCommandInput) {
    const [bucket, ...parts] = CopySource.split("/").map(decodeURIComponent);
    this.put(Bucket as string, Key as string, this.find({ Bucket: bucket, Key: parts.join("/") }).body);
    return {};
  }

  private deleteObjects({ Bucket, Delete }: DeleteObjectsCommandInput) {
    assert.ok((Delete?.Objects ?? []).length <= 1000, "a request deletes 1,000 objects at most");
    for (const { Key } of Delete?.Objects ?? []) this.remove(Bucket as string, Key as string);
    return {};
  }

  /** Two keys a page, so that paging is tried. */
  private list({ Bucket, Prefix = "", ContinuationToken, StartAfter = "" }: ListObjectsV2CommandInput) {
    const keys = this.keys(Bucket as string)
      .filter((key) => key.startsWith(Prefix) && byteOrder(key, StartAfter) > 0)
      .sort(byteOrder);
    const start = Number(ContinuationToken ?? 0);
    const next = start + 2 < keys.length ? String(start + 2) : undefined;
    const Contents = keys.slice(start, start + 2).map((Key) => {
      const { lastModified, body } = this.find({ Bucket, Key });
      return { Key, LastModified: lastModified, Size: body.length };
    });
    return { Contents, NextContinuationToken: next };
  }

  /** Three versions a page: a key's versions may fall on two pages. */
  private listVersions({ Bucket, Prefix = "", KeyMarker = "", VersionIdMarker }: ListObjectVersionsCommandInput) {
    const all = [...this.versions]
      .map(([name, versions]) => ({ key: name.slice(name.indexOf("/") + 1), bucket: name.split("/")[0], versions }))
      .filter(({ key, bucket }) => bucket === Bucket && key.startsWith(Prefix))
      .sort((a, b) => byteOrder(a.key, b.key))
      .flatMap(({ key, versions }) =>
        [...versions].reverse().map((version, index) => ({
          ...{ Key: key, VersionId: version.versionId, ETag: `"${version.etag}"`, Size: version.body.length },
          ...{ LastModified: version.lastModified, IsLatest: index === 0 },
        })),
      );
    const marked = all.findIndex(({ Key, VersionId }) => Key === KeyMarker && VersionId === VersionIdMarker);
    const behind = marked >= 0 ? all.slice(marked + 1) : all.filter(({ Key }) => byteOrder(Key, KeyMarker) > 0);
    const page = behind.slice(0, 3);
    const last = behind.length > page.length ? page.at(-1) : undefined;
    return {
      Versions: page,
      IsTruncated: last !== undefined,
      ...(last && { NextKeyMarker: last.Key, NextVersionIdMarker: last.VersionId }),
    };
  }
}

/** S3 lists keys in the order of their UTF-8 bytes. */
function byteOrder(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
