import { createHash, randomUUID } from "node:crypto";
import { once } from "node:events";
import * as http from "node:http";
import * as https from "node:https";
import type { AddressInfo } from "node:net";

/** How a registry asks for a login: by name and password, or by a token for which these are exchanged. */
export type Scheme = "basic" | "token";

/** A registry on loopback that takes pushes, with a login that can be changed while it runs. */
export class TestRegistry {
  readonly blobs = new Map<string, Buffer>();
  readonly manifests = new Map<string, { type: string; body: Buffer }>();
  /** Requests that came with a wrong login: never those without one, which is how clients ask what is wanted. */
  refused = 0;
  private readonly uploads = new Map<string, Buffer[]>();
  private readonly tokens = new Set<string>();
  private readonly server: http.Server;

  private constructor(
    public login: { username: string; password: string },
    private readonly scheme: Scheme,
    tls: { key: string; cert: string } | undefined,
  ) {
    const answer: http.RequestListener = (request, response) => void this.answer(request, response);
    this.server = tls ? https.createServer(tls, answer) : http.createServer(answer);
  }

  /** @param tls key and certificate, PEM; without them it speaks plain HTTP */
  static async start(
    login: { username: string; password: string },
    scheme: Scheme,
    tls?: { key: string; cert: string },
  ): Promise<TestRegistry> {
    const registry = new TestRegistry(login, scheme, tls);
    registry.server.listen(0, "127.0.0.1");
    await once(registry.server, "listening");
    return registry;
  }

  get address(): string {
    return `localhost:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", `http://${this.address}`);
    const body = await read(request);
    if (url.pathname === "/token") return this.giveToken(request, body, response);
    if (!this.admits(request, response)) return;
    const upload = /^\/v2\/(.+)\/blobs\/uploads\/([\w-]*)$/.exec(url.pathname);
    const blob = /^\/v2\/(.+)\/blobs\/(sha256:\w+)$/.exec(url.pathname);
    const manifest = /^\/v2\/(.+)\/manifests\/(.+)$/.exec(url.pathname);
    if (upload) return this.upload(request.method ?? "", upload[1]!, upload[2]!, url, body, response);
    if (blob) return send(response, request.method, this.blobs.get(blob[2]!), "application/octet-stream");
    if (!manifest) return void response.writeHead(url.pathname === "/v2/" ? 200 : 404).end();
    if (request.method !== "PUT") {
      const found = this.manifests.get(manifest[2]!);
      return send(response, request.method, found?.body, found?.type);
    }
    const entry = { type: request.headers["content-type"] ?? "", body };
    [manifest[2]!, digestOf(body)].forEach((name) => this.manifests.set(name, entry));
    response.writeHead(201, { "Docker-Content-Digest": digestOf(body) }).end();
  }

  private upload(
    method: string,
    repository: string,
    id: string,
    url: URL,
    body: Buffer,
    to: http.ServerResponse,
  ): void {
    if (method === "POST") {
      const fresh = randomUUID();
      this.uploads.set(fresh, []);
      return void to.writeHead(202, { Location: `/v2/${repository}/blobs/uploads/${fresh}` }).end();
    }
    const parts = this.uploads.get(id) ?? [];
    if (body.length > 0) parts.push(body);
    const digest = url.searchParams.get("digest");
    if (method !== "PUT" || !digest) {
      return void to.writeHead(202, { Location: url.pathname, Range: `0-${Buffer.concat(parts).length - 1}` }).end();
    }
    const content = Buffer.concat(parts);
    if (digestOf(content) !== digest) return void to.writeHead(400).end();
    this.blobs.set(digest, content);
    to.writeHead(201, { "Docker-Content-Digest": digest }).end();
  }

  private giveToken(request: http.IncomingMessage, body: Buffer, response: http.ServerResponse): void {
    const form = new URLSearchParams(body.toString());
    const given = form.has("password")
      ? `${form.get("username")}:${form.get("password")}`
      : Buffer.from((request.headers.authorization ?? "").replace(/^Basic /, ""), "base64").toString();
    if (given !== `${this.login.username}:${this.login.password}`) {
      this.refused++;
      return void response.writeHead(401).end();
    }
    const token = randomUUID();
    this.tokens.add(token);
    const document = JSON.stringify({ token, access_token: token, expires_in: 300 });
    response.writeHead(200, { "Content-Type": "application/json" }).end(document);
  }

  private admits(request: http.IncomingMessage, response: http.ServerResponse): boolean {
    const given = request.headers.authorization;
    const basic = `Basic ${Buffer.from(`${this.login.username}:${this.login.password}`).toString("base64")}`;
    const right = this.scheme === "basic" ? given === basic : this.tokens.has((given ?? "").replace(/^Bearer /, ""));
    if (right) return true;
    if (given) this.refused++;
    const realm = `Bearer realm="http://${this.address}/token",service="test"`;
    response.writeHead(401, { "WWW-Authenticate": this.scheme === "basic" ? 'Basic realm="test"' : realm }).end();
    return false;
  }
}

function digestOf(content: Buffer): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

async function read(request: http.IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

function send(response: http.ServerResponse, method = "GET", content?: Buffer, type = ""): void {
  if (!content) return void response.writeHead(404).end();
  const headers = {
    "Content-Type": type,
    "Content-Length": content.length,
    "Docker-Content-Digest": digestOf(content),
  };
  response.writeHead(200, headers).end(method === "HEAD" ? undefined : content);
}
