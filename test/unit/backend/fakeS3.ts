import { createHash } from "node:crypto";
import type { S3Client } from "@aws-sdk/client-s3";

interface Put {
  Key: string;
  Body: string;
  IfMatch?: string;
  IfNoneMatch?: string;
  Metadata?: Record<string, string>;
}

/** What goes wrong with one request. */
export type Trouble =
  /** It takes effect, its answer is lost, and the SDK sends it again. */
  | "answer lost"
  /** Another conditional write to the same key is under way. */
  | "conflict"
  /** It is refused. */
  | { name: string; status: number };

/** A bucket in memory that answers as S3 documents conditional writes, or as badly as a test wants. */
export class FakeS3 {
  readonly objects = new Map<string, { text: string; etag: string; written: Date; metadata: Record<string, string> }>();
  /** For the next requests, one each. */
  readonly troubles: Trouble[] = [];
  readonly requests: string[] = [];
  /** As some stores that speak S3. */
  ignoresConditions = false;
  now = new Date("2026-03-01T10:00:00Z");

  get client(): Pick<S3Client, "send"> {
    return {
      send: (command: unknown) => this.send(command as { constructor: { name: string }; input: unknown }),
    } as never;
  }

  private async send(command: { constructor: { name: string }; input: unknown }): Promise<unknown> {
    const name = command.constructor.name.replace("Command", "");
    this.requests.push(name);
    const trouble = this.troubles.shift();
    if (trouble === "conflict") throw failed("ConditionalRequestConflict", 409, 1);
    if (typeof trouble === "object") throw failed(trouble.name, trouble.status, 1);
    if (trouble !== "answer lost") return this.answer(command, name, 1);
    await Promise.resolve(this.answer(command, name, 1)).catch(() => undefined);
    return this.answer(command, name, 2);
  }

  private async answer(command: { input: unknown }, name: string, attempts: number): Promise<unknown> {
    const input = command.input as Put;
    const found = this.objects.get(input.Key);
    if (name === "PutObject") return this.write(input, attempts);
    if (name === "DeleteObject") return void this.objects.delete(input.Key);
    if (!found) throw failed(name === "GetObject" ? "NoSuchKey" : "NotFound", 404, attempts);
    if (name === "HeadObject") return { ETag: found.etag, Metadata: found.metadata };
    return this.read(command, found);
  }

  private write({ Key, Body, IfMatch, IfNoneMatch, Metadata = {} }: Put, attempts: number): unknown {
    const found = this.ignoresConditions ? undefined : this.objects.get(Key);
    if (this.ignoresConditions) IfMatch = undefined;
    if (IfNoneMatch === "*" && found) throw failed("PreconditionFailed", 412, attempts);
    if (IfMatch !== undefined && !found) throw failed("NoSuchKey", 404, attempts);
    if (IfMatch !== undefined && found?.etag !== IfMatch) throw failed("PreconditionFailed", 412, attempts);
    const etag = `"${createHash("md5").update(Body).digest("hex")}"`;
    this.objects.set(Key, { text: Body, etag, written: this.now, metadata: Metadata });
    return { ETag: etag };
  }

  /** The command's own middleware takes the answer's Date. */
  private async read(
    command: { input: unknown },
    found: { text: string; etag: string; written: Date },
  ): Promise<unknown> {
    const { middlewareStack } = command as unknown as {
      middlewareStack: { resolve(handler: unknown, context: object): (args: object) => Promise<{ output: unknown }> };
    };
    const output = {
      Body: { transformToString: () => Promise.resolve(found.text) },
      ETag: found.etag,
      LastModified: found.written,
    };
    const answer = () => Promise.resolve({ output, response: { headers: { date: this.now.toUTCString() } } });
    return (await middlewareStack.resolve(answer, {})({ input: command.input })).output;
  }
}

function failed(name: string, status: number, attempts: number): Error {
  return Object.assign(new Error(`${name} (from the test)`), { name, $metadata: { httpStatusCode: status, attempts } });
}
