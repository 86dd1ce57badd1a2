import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { Agent } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  paginateListObjectsV2,
  PutObjectCommand,
  S3Client,
  type PutObjectCommandInput,
  type S3ClientConfig,
  type ServerSideEncryption,
} from "@aws-sdk/client-s3";
import { TributaryError } from "../errors";
import { checkKey, checkPrefix } from "./keys";
import type { ObjectStore, Stored } from "./types";
import type { BucketLocation } from "./url";

/** Variables that lead a client to an account and an endpoint, as the engine gets them. */
export type ClientVariables = Readonly<Record<string, string | undefined>>;

/** Longest wait for a connection and for an answer (ms): a holder of a guard has to know early that it cannot renew. */
const patience = { connect: 5_000, answer: 10_000 };
/** Tries of one request, with the SDK's back-off. */
const attempts = 6;
/** How often a write is tried again that met another one to the same key (HTTP 409). */
const conflicts = 5;

/** An S3 client for a backend, and how to let go of it. */
export interface BucketClient {
  client: S3Client;
  close(): void;
}

/** Connects to a backend's bucket as the engine does: by its URL, and by the variables that the engine gets. */
export function connectBucket(location: BucketLocation, variables: ClientVariables): BucketClient {
  const ca = variables.AWS_CA_BUNDLE || undefined;
  const agent = new Agent({ keepAlive: true, maxSockets: 32, ...(ca ? { ca: readFileSync(ca, "utf8") } : {}) });
  const endpoint = location.endpoint ?? (variables.AWS_ENDPOINT_URL_S3 || variables.AWS_ENDPOINT_URL || undefined);
  const region = location.region ?? (variables.AWS_REGION || variables.AWS_DEFAULT_REGION || undefined);
  const config: S3ClientConfig = {
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(location.profile === undefined ? {} : { profile: location.profile }),
    ...credentialsOf(location, variables),
    forcePathStyle: location.pathStyle || (endpoint !== undefined && new URL(endpoint).hostname === "localhost"),
    useAccelerateEndpoint: location.accelerate,
    useDualstackEndpoint: location.dualstack,
    useFipsEndpoint: location.fips,
    maxAttempts: attempts,
    requestHandler: { httpsAgent: agent, connectionTimeout: patience.connect, requestTimeout: patience.answer },
    // Stores that only speak S3 may refuse the SDK's checksums, as they would the engine's.
    ...(endpoint === undefined ? {} : { requestChecksumCalculation: "WHEN_REQUIRED" as const }),
  };
  const client = new S3Client(config);
  return { client, close: () => (client.destroy(), agent.destroy()) };
}

/** Those that the engine gets and this process does not have: of the local AWS, or of a role. */
function credentialsOf({ profile }: BucketLocation, variables: ClientVariables): Partial<S3ClientConfig> {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = variables;
  if (profile !== undefined || !accessKeyId || !secretAccessKey) return {};
  const sessionToken = variables.AWS_SESSION_TOKEN || undefined;
  return { credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) } };
}

/** Texts in a bucket, with the conditional writes of S3: `If-None-Match: *` and `If-Match: <etag>`. */
export class S3Store implements ObjectStore {
  readonly place: string;

  /**
   * @param prefix empty, or ends with a slash
   * @param doubted whether it has to be found out that the store heeds conditions: not every one that speaks S3 does
   */
  constructor(
    private readonly client: Pick<S3Client, "send">,
    private readonly location: Pick<BucketLocation, "bucket" | "encryption" | "kmsKey">,
    private readonly prefix: string,
    private doubted = false,
  ) {
    this.place = `s3://${location.bucket}/${prefix}`;
  }

  async createOnly(key: string, text: string): Promise<boolean> {
    return (await this.swap(key, text, undefined)) !== undefined;
  }

  async replaceIf(key: string, text: string, version: string): Promise<boolean> {
    return (await this.swap(key, text, version)) !== undefined;
  }

  swap(key: string, text: string, version: string | undefined): Promise<string | undefined> {
    const writer = randomBytes(12).toString("hex");
    const condition = version === undefined ? { IfNoneMatch: "*" } : { IfMatch: version };
    const command = () => new PutObjectCommand({ ...this.object(key, text), ...condition, Metadata: { writer } });
    return this.explained(key, async () => {
      for (let attempt = 1; ; attempt++) {
        try {
          const { ETag } = await this.client.send(command());
          if (this.doubted) await this.refusesAgain(command());
          return ETag;
        } catch (error) {
          const status = statusOf(error);
          // A repeated request meets what its first try has written, when only the answer got lost.
          if (status === 412) return tried(error) > 1 || attempt > 1 ? this.own(key, writer) : undefined;
          if (status === 404 && nameOf(error) === "NoSuchKey") return undefined;
          if (status !== 409 || attempt > conflicts) throw error;
          await sleep(Math.random() * 100 * 2 ** attempt);
        }
      }
    });
  }

  put(key: string, text: string): Promise<void> {
    return this.explained(key, async () => void (await this.client.send(new PutObjectCommand(this.object(key, text)))));
  }

  get(key: string): Promise<Stored | undefined> {
    return this.explained(key, async () => {
      const command = new GetObjectCommand({ Bucket: this.location.bucket, Key: this.name(key) });
      let date: string | undefined;
      // The SDK does not hand over the answer's Date, which is the store's clock.
      command.middlewareStack.add(
        (next) => async (args) => {
          const result = await next(args);
          date = (result.response as { headers?: Record<string, string> }).headers?.date;
          return result;
        },
        { step: "deserialize", priority: "high" },
      );
      try {
        const { Body, ETag, LastModified } = await this.client.send(command);
        const age = date && LastModified ? Math.max(0, Date.parse(date) - LastModified.getTime()) : 0;
        return { text: (await Body?.transformToString()) ?? "", version: ETag ?? "", age: () => Promise.resolve(age) };
      } catch (error) {
        if (nameOf(error) === "NoSuchKey") return undefined;
        throw error;
      }
    });
  }

  list(prefix: string): Promise<string[]> {
    return this.explained(prefix, async () => {
      const input = { Bucket: this.location.bucket, Prefix: `${this.prefix}${checkPrefix(prefix)}` };
      const keys: string[] = [];
      for await (const page of paginateListObjectsV2({ client: this.client as S3Client }, input)) {
        for (const { Key } of page.Contents ?? []) if (Key) keys.push(Key.slice(this.prefix.length));
      }
      return keys;
    });
  }

  delete(key: string): Promise<void> {
    const input = { Bucket: this.location.bucket, Key: this.name(key) };
    return this.explained(key, async () => void (await this.client.send(new DeleteObjectCommand(input))));
  }

  /** The same write once more has to be refused: its condition does not hold any more. */
  private async refusesAgain(command: PutObjectCommand): Promise<void> {
    const status = await this.client.send(command).then(() => 200, statusOf);
    if (status === 412 || status === 404) return void (this.doubted = false);
    if (status !== 200) return;
    const message = `${this.place} took a write whose condition did not hold: two commands could change a stack at the same time`;
    throw new TributaryError(message, {
      code: "BackendUnconditional",
      next: "use a store that heeds If-None-Match and If-Match, as S3 of AWS does, or a newer version of this one",
    });
  }

  private name(key: string): string {
    return `${this.prefix}${checkKey(key)}`;
  }

  private object(key: string, text: string): PutObjectCommandInput {
    const { bucket, encryption, kmsKey } = this.location;
    return {
      Bucket: bucket,
      Key: this.name(key),
      Body: text,
      ContentType: "application/json",
      ...(encryption === undefined ? {} : { ServerSideEncryption: encryption as ServerSideEncryption }),
      ...(kmsKey === undefined ? {} : { SSEKMSKeyId: kmsKey }),
    };
  }

  /** The version of a key that this very write made; undefined when it is another's. */
  private async own(key: string, writer: string): Promise<string | undefined> {
    const input = { Bucket: this.location.bucket, Key: this.name(key) };
    const { ETag, Metadata } = await this.client.send(new HeadObjectCommand(input));
    return Metadata?.writer === writer ? ETag : undefined;
  }

  private async explained<T>(key: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw error instanceof TributaryError ? error : unreachable(`${this.place}${key}`, this.location.bucket, error);
    }
  }
}

const statusOf = (error: unknown) => (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
const tried = (error: unknown) => (error as { $metadata?: { attempts?: number } }).$metadata?.attempts ?? 1;
const nameOf = (error: unknown) => (error instanceof Error ? error.name : "");

const expired =
  /^(ExpiredToken|ExpiredTokenException|CredentialsProviderError|TokenRefreshRequired|InvalidAccessKeyId)/;

function unreachable(what: string, bucket: string, cause: unknown): TributaryError {
  const status = statusOf(cause);
  const name = nameOf(cause);
  const reason = cause instanceof Error && cause.message !== "" ? cause.message : name;
  const next = expired.test(name)
    ? "log in to AWS again, then run the command again"
    : `check that the bucket ${bucket} is there and that these credentials may s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket in it`;
  const answer = status === undefined ? name : `${name}, HTTP ${status}`;
  return new TributaryError(`S3 did not serve ${what} (${answer}): ${reason}`, {
    code: "BackendUnreachable",
    source: "cloud",
    next,
    cause,
  });
}
