import { createHash, createHmac } from "node:crypto";
import { request } from "node:https";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import {
  GetObjectCommand,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
  type ObjectVersion,
  S3Client,
} from "@aws-sdk/client-s3";
import { findLocalAws, localClientSettings, localHttpsAgent, type LocalAws } from "../../../automation/local";
import { withEngine } from "../../../layer/transform/engine";
import { literal } from "../../../layer/transform/sql";
import { withWorkspace } from "../../../layer/transform/workspace";
import { writeFile } from "node:fs/promises";
import * as path from "node:path";
import type { Workspace } from "../support/workspace";

/** The local AWS of a workspace, as its root user sees it. */
export interface LocalAccess {
  aws: LocalAws;
  s3: S3Client;
  agent: Awaited<ReturnType<typeof localHttpsAgent>>;
}

/** Connects to the local AWS that a workspace deployed to. */
export async function access(workspace: Workspace): Promise<LocalAccess> {
  const aws = await findLocalAws(workspace.root);
  if (!aws) throw new RangeError(`no local AWS runs for ${workspace.root}`);
  const agent = await localHttpsAgent(aws);
  return { aws, agent, s3: new S3Client({ ...localClientSettings(aws, agent), forcePathStyle: true }) };
}

/** Every version of every object of a bucket that holds a text: unpacked, and in Parquet in any column. Knows nothing of the lake. */
export async function versionsWith(s3: S3Client, Bucket: string, text: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { Key = "", VersionId } of versions(s3, Bucket)) {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key, VersionId }));
    const bytes = await buffer(Body as never);
    if (await holds(bytes, text)) found.push(Key);
  }
  return found;
}

async function* versions(s3: S3Client, Bucket: string): AsyncGenerator<ObjectVersion> {
  let next: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } = {};
  do {
    const page: ListObjectVersionsCommandOutput = await s3.send(new ListObjectVersionsCommand({ Bucket, ...next }));
    yield* page.Versions ?? [];
    if (!page.IsTruncated) return;
    next = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker };
  } while (next.KeyMarker !== undefined);
}

async function holds(bytes: Buffer, text: string): Promise<boolean> {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return gunzipSync(bytes).includes(text);
  if (bytes.subarray(0, 4).toString() !== "PAR1") return bytes.includes(text);
  return withWorkspace(async (directory) => {
    const file = path.join(directory, "file.parquet");
    await writeFile(file, bytes);
    return withEngine(directory, (engine) =>
      engine.connected(async (connection) => {
        const sql = `SELECT count(*) FROM read_parquet(${literal(file)}) t WHERE contains(CAST(t AS VARCHAR), ${literal(text)})`;
        return Number((await connection.runAndReadAll(sql)).getRows()[0]?.[0]) > 0;
      }),
    );
  });
}

/** An answer of the HTTP API. */
export interface Answer {
  status: number;
  body: Record<string, unknown>;
}

/**
 * A request to an HTTP API on the local AWS, signed as AWS wants it (Signature Version 4), or not at all. The host's name goes into
 * the header only: no machine knows names below `execute-api.localhost`.
 */
export async function ask(
  local: LocalAccess,
  url: string,
  options: { method: "GET" | "POST"; path: string; body?: string; signed?: boolean },
): Promise<Answer> {
  const { host, port } = new URL(url);
  const { method, body = "" } = options;
  const headers = options.signed === false ? { host } : signed(local, { method, path: options.path, host, body });
  return new Promise((resolve, reject) => {
    const sent = request(
      { method, host: "localhost", servername: "localhost", port, path: options.path, headers, agent: local.agent },
      (response) => {
        buffer(response).then((bytes) => {
          resolve({ status: response.statusCode ?? 0, body: JSON.parse(bytes.toString() || "{}") as Answer["body"] });
        }, reject);
      },
    );
    sent.on("error", reject).end(body);
  });
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const hmac = (key: string | Buffer, text: string) => createHmac("sha256", key).update(text).digest();

function signed(
  { aws, agent }: LocalAccess,
  { method, path: target, host, body }: Record<"method" | "path" | "host" | "body", string>,
) {
  const { credentials, region } = localClientSettings(aws, agent);
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  const scope = `${time.slice(0, 8)}/${region}/execute-api/aws4_request`;
  const names = "host;x-amz-date";
  const canonical = [method, target, "", `host:${host}`, `x-amz-date:${time}`, "", names, sha256(body)].join("\n");
  const toSign = ["AWS4-HMAC-SHA256", time, scope, sha256(canonical)].join("\n");
  const key = scope
    .split("/")
    .reduce((secret: string | Buffer, part) => hmac(secret, part), `AWS4${credentials.secretAccessKey}`);
  const signature = createHmac("sha256", key).update(toSign).digest("hex");
  const authorization = `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
  return { host, "x-amz-date": time, "content-type": "application/json", authorization };
}
