import type {
  DeleteObjectsCommandInput,
  GetObjectCommandInput,
  ListObjectsV2CommandInput,
  PutObjectCommandInput,
} from "@aws-sdk/client-s3";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { serviceError, type Command } from "./command";

/** S3 as far as the layer uses it: the newest version of each object, and former ones by their id where a test wants ids. */
export class FakeS3 {
  private readonly objects = new Map<string, { body: Buffer; etag: string }>();
  readonly requests: Record<string, number> = {};
  before: (name: string, input: unknown) => void = () => undefined;

  async send(command: Command): Promise<unknown> {
    const name = command.constructor.name;
    this.requests[name] = (this.requests[name] ?? 0) + 1;
    await Promise.resolve();
    this.before(name, command.input);
    if (name === "GetObjectCommand") return this.getObject(command.input as GetObjectCommandInput);
    if (name === "HeadObjectCommand") return { ETag: `"${this.find(command.input as GetObjectCommandInput).etag}"` };
    if (name === "PutObjectCommand") return this.putObject(command.input as PutObjectCommandInput);
    if (name === "DeleteObjectsCommand") return this.deleteObjects(command.input as DeleteObjectsCommandInput);
    if (name === "ListObjectsV2Command") return this.list(command.input as ListObjectsV2CommandInput);
    assert.fail(`the fake S3 does not know ${name}`);
  }

  /** Puts an object; answers its entity tag. */
  put(bucket: string, key: string, body: Buffer | string): string {
    const bytes = Buffer.from(body);
    const etag = createHash("md5").update(bytes).digest("hex");
    this.objects.set(`${bucket}/${key}`, { body: bytes, etag });
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

  remove(bucket: string, key: string): void {
    this.objects.delete(`${bucket}/${key}`);
  }

  private find({ Bucket, Key }: Pick<GetObjectCommandInput, "Bucket" | "Key">) {
    const found = this.objects.get(`${Bucket}/${Key}`);
    if (found === undefined) throw serviceError("NoSuchKey", 404);
    return found;
  }

  private getObject(input: GetObjectCommandInput) {
    const { body, etag } = this.find(input);
    if (input.IfMatch !== undefined && input.IfMatch !== etag) throw serviceError("PreconditionFailed", 412);
    return { Body: Readable.from(body.length > 0 ? [body] : []), ETag: `"${etag}"` };
  }

  private async putObject({ Bucket, Key, Body, ContentLength }: PutObjectCommandInput) {
    const bytes = Body instanceof Readable ? await buffer(Body) : Buffer.from(Body as Uint8Array);
    assert.equal(bytes.length, ContentLength);
    return { ETag: `"${this.put(Bucket as string, Key as string, bytes)}"` };
  }

  private deleteObjects({ Bucket, Delete }: DeleteObjectsCommandInput) {
    assert.ok((Delete?.Objects ?? []).length <= 1000, "a request deletes 1,000 objects at most");
    for (const { Key } of Delete?.Objects ?? []) this.remove(Bucket as string, Key as string);
    return {};
  }

  /** Two keys a page, so that paging is tried. */
  private list({ Bucket, Prefix = "", ContinuationToken }: ListObjectsV2CommandInput) {
    const keys = this.keys(Bucket as string)
      .filter((key) => key.startsWith(Prefix))
      .sort();
    const start = Number(ContinuationToken ?? 0);
    const next = start + 2 < keys.length ? String(start + 2) : undefined;
    return { Contents: keys.slice(start, start + 2).map((Key) => ({ Key })), NextContinuationToken: next };
  }
}
