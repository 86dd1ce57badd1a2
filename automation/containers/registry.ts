import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { TributaryError } from "../errors";

/** A piece of content as manifests name it. */
export interface Descriptor {
  mediaType: string;
  /** `sha256:` and 64 hex digits. */
  digest: string;
  /** Bytes. */
  size: number;
}

/** A single image manifest (OCI, or Docker's of the same shape). */
export interface Manifest {
  config: Descriptor;
  layers: Descriptor[];
}

/** Where a registry is and how to trust it. */
export interface RegistryAddress {
  /** `host:port`, of loopback. */
  host: string;
  /** Certificate, PEM, of the authority to trust. */
  ca: string;
  /** ECR's own name of the registry, `<account>.dkr.ecr.<region>.amazonaws.com`: the local AWS tells regions by it. */
  name?: string;
}

/** Media types of the manifests that we read. Indexes are not among them: Lambda refuses them too. */
const MANIFEST_TYPES = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];

/** The largest manifest that is read (bytes): what registries allow, see the OCI distribution specification. */
const MANIFEST_LIMIT = 4 * 2 ** 20;

const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** The digest of bytes, as registries write it. */
export function digestOf(content: string | Buffer): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

interface Call {
  method: string;
  path: string;
  headers?: Record<string, string | number>;
  body?: Buffer | Readable;
}

/** The few calls of the OCI distribution protocol that running and publishing an image takes. Close it at the end. */
export class Registry {
  private readonly agent: Agent;

  constructor(private readonly address: RegistryAddress) {
    this.agent = new Agent({ keepAlive: true, maxSockets: 8, ca: address.ca });
  }

  close(): void {
    this.agent.destroy();
  }

  /** Whether a repository has the manifest. */
  async has(repository: string, digest: string): Promise<boolean> {
    const answer = await this.call({
      method: "HEAD",
      path: `/v2/${repository}/manifests/${digest}`,
      headers: { accept: MANIFEST_TYPES.join(", ") },
    });
    answer.resume();
    if (answer.statusCode === 404) return false;
    this.expect(answer, [200], "looking for", `${repository}@${digest}`);
    return true;
  }

  /**
   * A single image manifest and its bytes, checked against its digest.
   *
   * @throws TributaryError `ImageMissing`, `ImageInvalid`, `RegistryFailed`
   */
  async manifest(repository: string, digest: string): Promise<Manifest> {
    const what = `${repository}@${digest}`;
    const text = await this.small(`/v2/${repository}/manifests/${digest}`, what, { accept: MANIFEST_TYPES.join(", ") });
    if (digestOf(text) !== digest) throw invalid(what, `the registry's answer has the digest ${digestOf(text)}`);
    return checkManifest(what, text);
  }

  /** A small blob, whole: an image's configuration. */
  async blob(repository: string, blob: Descriptor): Promise<Buffer> {
    const what = `${repository}@${blob.digest}`;
    const content = await this.small(`/v2/${repository}/blobs/${blob.digest}`, what, {});
    if (digestOf(content) !== blob.digest) throw invalid(what, `its content has the digest ${digestOf(content)}`);
    return content;
  }

  /** A blob as it comes; whoever reads it compares the digest. */
  async stream(repository: string, blob: Descriptor): Promise<Readable> {
    const what = `${repository}@${blob.digest}`;
    const answer = await this.call({ method: "GET", path: `/v2/${repository}/blobs/${blob.digest}` });
    this.expect(answer, [200], "reading", what);
    return answer;
  }

  /** Uploads a blob unless the repository has it. */
  async push(repository: string, blob: Descriptor, content: () => Buffer | Readable): Promise<void> {
    const what = `${repository}@${blob.digest}`;
    const there = await this.call({ method: "HEAD", path: `/v2/${repository}/blobs/${blob.digest}` });
    there.resume();
    if (there.statusCode === 200) return;
    const start = await this.call({ method: "POST", path: `/v2/${repository}/blobs/uploads/` });
    start.resume();
    this.expect(start, [202], "uploading", what);
    const location = new URL(String(start.headers.location), `https://${this.address.host}`);
    location.searchParams.set("digest", blob.digest);
    const end = await this.call({
      method: "PUT",
      path: location.pathname + location.search,
      headers: { "content-type": "application/octet-stream", "content-length": blob.size },
      body: content(),
    });
    end.resume();
    this.expect(end, [201], "uploading", what);
  }

  /** Publishes a manifest whose blobs are there; without a tag. */
  async pushManifest(repository: string, text: Buffer, mediaType: string): Promise<void> {
    const digest = digestOf(text);
    const answer = await this.call({
      method: "PUT",
      path: `/v2/${repository}/manifests/${digest}`,
      headers: { "content-type": mediaType, "content-length": text.length },
      body: text,
    });
    answer.resume();
    this.expect(answer, [201], "publishing", `${repository}@${digest}`);
  }

  private async small(path: string, what: string, headers: Record<string, string>): Promise<Buffer> {
    const answer = await this.call({ method: "GET", path, headers });
    this.expect(answer, [200], "reading", what);
    const parts: Buffer[] = [];
    let size = 0;
    for await (const part of answer as AsyncIterable<Buffer>) {
      parts.push(part);
      size += part.length;
      if (size > MANIFEST_LIMIT) throw invalid(what, `it is larger than ${MANIFEST_LIMIT} bytes`);
    }
    return Buffer.concat(parts);
  }

  private expect(answer: IncomingMessage, allowed: number[], doing: string, what: string): void {
    if (allowed.includes(answer.statusCode ?? 0)) return;
    answer.destroy();
    const where = `registry ${this.address.host}`;
    if (answer.statusCode === 404) {
      throw new TributaryError(`${doing} ${what}: the ${where} has no such image or repository`, {
        code: "ImageMissing",
        source: "cloud",
        next: "push the image again: `tributary images build`",
      });
    }
    throw new TributaryError(
      `${doing} ${what}: the ${where} answered ${answer.statusCode}, not ${allowed.join(" or ")}`,
      {
        code: "RegistryFailed",
        source: "cloud",
        next: "run the command again; the log of the local AWS tells more",
      },
    );
  }

  private call({ method, path, headers, body }: Call): Promise<IncomingMessage> {
    const [host, port] = this.address.host.split(":");
    const named = this.address.name ? { host: this.address.name } : {};
    return new Promise((resolve, reject) => {
      const options = {
        host,
        port,
        method,
        path,
        agent: this.agent,
        servername: host,
        headers: { ...headers, ...named },
      };
      const call = request(options, resolve);
      call.on("error", (cause) => reject(unreachable(this.address.host, cause)));
      if (body === undefined || Buffer.isBuffer(body)) call.end(body);
      else pipeline(body, call).catch(reject);
    });
  }
}

function checkManifest(what: string, text: Buffer): Manifest {
  const value = parsed(what, text) as Partial<Manifest> & { manifests?: unknown };
  if (value.manifests) throw invalid(what, "it is an index of several images, which Lambda refuses: push a single one");
  const descriptors = [value.config, ...(Array.isArray(value.layers) ? value.layers : [undefined])];
  const right = (item?: Descriptor) => DIGEST.test(String(item?.digest)) && Number.isSafeInteger(item?.size);
  if (!descriptors.every(right)) throw invalid(what, "its manifest names no configuration or no layers by digest");
  return { config: value.config!, layers: value.layers! };
}

function parsed(what: string, text: Buffer): unknown {
  try {
    return JSON.parse(text.toString("utf8")) ?? {};
  } catch (cause) {
    throw invalid(what, `its manifest is no JSON: ${String(cause)}`);
  }
}

/** The error of an image that cannot be what it says. */
export function invalid(what: string, why: string): TributaryError {
  return new TributaryError(`the image ${what} cannot be used: ${why}`, {
    code: "ImageInvalid",
    source: "cloud",
    next: "build and push it again: `tributary images build`",
  });
}

function unreachable(host: string, cause: unknown): TributaryError {
  return new TributaryError(`the registry ${host} does not answer: ${String(cause)}`, {
    code: "RegistryFailed",
    source: "cloud",
    next: "see whether the local AWS runs: `tributary status local`",
    cause,
  });
}
