import { timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { messageOf, TributaryError } from "../errors";
import type { Answer } from "./container";
import type { Host } from "./host";
import { failure } from "./runtimeApi";

/** Bytes: an event of up to 6 MB, escaped, and the function's configuration. */
const REQUEST_LIMIT = 32 * 2 ** 20;

/**
 * Answers the calls of the local AWS: `POST /invoke` runs a function, `POST /end` ends every call in progress. Whoever
 * calls proves with the token that they may read the host's files.
 */
export function serveHost(host: Pick<Host, "invoke" | "endBusy">, token: string): Server {
  const server = createServer((request, response) => {
    answer(host, request, response, token).catch(() => response.destroy());
  });
  server.requestTimeout = 0;
  return server;
}

function allowed(request: IncomingMessage, token: string): boolean {
  const given = Buffer.from(request.headers.authorization ?? "");
  const right = Buffer.from(`Bearer ${token}`);
  return given.length === right.length && timingSafeEqual(given, right);
}

async function answer(
  host: Pick<Host, "invoke" | "endBusy">,
  request: IncomingMessage,
  response: ServerResponse,
  token: string,
): Promise<void> {
  const what = `${request.method} ${request.url}`;
  const status = !allowed(request, token) ? 401 : !["POST /invoke", "POST /end"].includes(what) ? 404 : 200;
  const body = status === 200 ? await read(request) : "";
  if (status !== 200 || body === undefined) {
    response.writeHead(body === undefined ? 413 : status, { connection: "close" }).end();
    return;
  }
  // What goes wrong here is the answer too, as it is when Lambda cannot start a function.
  const result = what === "POST /end" ? await host.endBusy() : await host.invoke(body).catch(failed);
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(result ?? {}));
}

async function read(request: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > REQUEST_LIMIT) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

function failed(error: unknown): Answer {
  console.error(error);
  const message = messageOf(error);
  return { ...failure(error instanceof TributaryError ? error.code : "ContainerFailed", message), log: message };
}
