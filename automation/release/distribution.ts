import { GetAuthorizationTokenCommand } from "@aws-sdk/client-ecr";
import { request, Agent } from "node:https";
import type { IncomingMessage } from "node:http";
import { digestOf } from "../containers/registry";
import { TributaryError } from "../errors";
import { localHttpsAgent, type LocalAws } from "../local";
import { connectEcr } from "./registry";
import type { ImageReference } from "./reference";

/** Milliseconds without a byte after which a request is given up. */
const patience = 60_000;
/** Registries answer a blob with the address of a store; more than one step further is not usual. */
const redirects = 3;
/** Media type of the empty configuration of an artifact (OCI image specification 1.1). */
const emptyType = "application/vnd.oci.empty.v1+json";
const empty = Buffer.from("{}");
const manifestType = "application/vnd.oci.image.manifest.v1+json";

/** A repository that is reached over the OCI distribution API. */
export interface Repository {
  /** `https://<host>[:<port>]` */
  origin: string;
  name: string;
  agent: Agent;
  /** Value of the header; undefined where none is asked for. */
  authorization?: string;
}

/** Where an image lies, for the distribution API; the local AWS answers for ECR's own addresses. `agent` is to be destroyed. */
export async function openRepository(image: ImageReference, region: string, aws?: LocalAws): Promise<Repository> {
  if (aws) return { origin: aws.endpoint, name: image.repository, agent: await localHttpsAgent(aws) };
  const { client, close } = await connectEcr(image.region ?? region);
  try {
    const { authorizationData } = await client.send(new GetAuthorizationTokenCommand({}));
    const token = authorizationData?.[0]?.authorizationToken;
    return {
      origin: `https://${image.registry}`,
      name: image.repository,
      agent: new Agent({ keepAlive: true }),
      ...(token === undefined ? {} : { authorization: `Basic ${token}` }),
    };
  } finally {
    close();
  }
}

/** Reads a blob as it is stored. The digest is for the reader to check, or not. */
export async function readBlob(repository: Repository, digest: string): Promise<IncomingMessage> {
  return ask(repository, "GET", `/blobs/${digest}`, [200]);
}

/** An artifact that belongs to an image. */
export interface Artifact {
  /** Digest and media type of the image's manifest, and the manifest's length in bytes. */
  subject: { digest: string; mediaType: string; size: number };
  /** What it is, e.g. `application/vnd.cyclonedx+json`. */
  mediaType: string;
  content: Buffer;
  /** By which it is found where a registry does not list artifacts by their image. */
  tag: string;
}

/**
 * How an artifact was attached: `referrer` where the registry lists it by its image, too; `tag` otherwise. `kept`: its tag
 * is taken by an earlier one, which stays, because tags never move.
 */
export type Attachment = "referrer" | "tag" | "kept";

/**
 * Pushes an artifact next to its image, with the image as its subject: registries that know referrers (OCI 1.1, as ECR
 * does) list it by the image. The image itself does not change. Again is the same.
 */
export async function attach(repository: Repository, artifact: Artifact): Promise<Attachment> {
  const { subject, mediaType, content, tag } = artifact;
  await Promise.all([pushBlob(repository, empty), pushBlob(repository, content)]);
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      artifactType: mediaType,
      config: { mediaType: emptyType, digest: digestOf(empty), size: empty.length },
      layers: [{ mediaType, digest: digestOf(content), size: content.length }],
      subject,
    }),
  );
  const headers = { "content-type": manifestType };
  const response = await ask(repository, "PUT", `/manifests/${tag}`, [201, 400, 409], manifest, headers);
  const text = await textOf(response);
  if (response.statusCode === 201) return response.headers["oci-subject"] === undefined ? "tag" : "referrer";
  if (/TAG_INVALID|TagAlreadyExists/.test(text)) return "kept";
  throw refused(
    response.statusCode ?? 0,
    "PUT",
    new URL(`/v2/${repository.name}/manifests/${tag}`, repository.origin),
    text,
  );
}

async function pushBlob(repository: Repository, content: Buffer): Promise<void> {
  const digest = digestOf(content);
  const there = await finish(await ask(repository, "HEAD", `/blobs/${digest}`, [200, 404]));
  if (there.statusCode === 200) return;
  const begun = await finish(await ask(repository, "POST", "/blobs/uploads/", [202]));
  const { location } = begun.headers;
  const url = new URL(location ?? "", `${repository.origin}/v2/${repository.name}/blobs/uploads/`);
  url.searchParams.set("digest", digest);
  await finish(await send(repository, "PUT", url, content, { "content-type": "application/octet-stream" }, [201]));
}

function ask(
  repository: Repository,
  method: string,
  path: string,
  allowed: number[],
  body?: Buffer,
  headers: Record<string, string> = {},
): Promise<IncomingMessage> {
  const url = new URL(`/v2/${repository.name}${path}`, repository.origin);
  return send(repository, method, url, body, headers, allowed);
}

async function send(
  repository: Repository,
  method: string,
  url: URL,
  body: Buffer | undefined,
  headers: Record<string, string>,
  allowed: number[],
  left = redirects,
): Promise<IncomingMessage> {
  const own = url.origin === new URL(repository.origin).origin;
  const response = await exchange(url, {
    method,
    // A login is for the registry alone, not for the store that it sends us to.
    ...(own ? { agent: repository.agent } : {}),
    headers: {
      ...headers,
      ...(own && repository.authorization ? { authorization: repository.authorization } : {}),
      ...(body ? { "content-length": String(body.length) } : {}),
    },
    body,
  });
  const { statusCode = 0, headers: answered } = response;
  if (method === "GET" && statusCode >= 300 && statusCode < 400 && answered.location && left > 0) {
    response.resume();
    return send(repository, method, new URL(answered.location, url), body, {}, allowed, left - 1);
  }
  if (allowed.includes(statusCode)) return response;
  response.resume();
  throw refused(statusCode, method, url);
}

function refused(status: number, method: string, url: URL, text = ""): TributaryError {
  const why = text === "" ? "" : `: ${text.slice(0, 300)}`;
  return new TributaryError(`the registry answered ${status} to ${method} ${url.origin}${url.pathname}${why}`, {
    code: "RegistryRefused",
    source: "cloud",
    next: "look whether the repository is there and may be written: tributary images list",
  });
}

interface Exchange {
  method: string;
  headers: Record<string, string>;
  agent?: Agent;
  body: Buffer | undefined;
}

function exchange(url: URL, { body, ...options }: Exchange): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { ...options, timeout: patience }, resolve);
    outgoing.on("timeout", () => outgoing.destroy(new Error(`no answer from ${url.origin} in ${patience / 1000} s`)));
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

/** Reads a response to its end, so that its connection can be used again. */
async function finish(response: IncomingMessage): Promise<IncomingMessage> {
  for await (const chunk of response) void chunk;
  return response;
}

/** A response as text. */
export async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
