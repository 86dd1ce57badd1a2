import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { LAMBDA } from "./limits";

/** One event for a function. */
export interface Invocation {
  requestId: string;
  /** JSON text. */
  event: string;
  functionArn: string;
  /** Milliseconds since 1970. */
  deadline: number;
  traceId?: string;
}

/** What became of an invocation. */
export interface Outcome {
  /** JSON text: what the function answered, or `{errorType, errorMessage, trace?}`. */
  payload: string;
  /** Type of the error, where it is one. */
  errorType?: string;
}

/** What the runtime said before it asked for its first event. */
export type Start = { ready: true } | { ready: false; outcome: Outcome };

/** The answer of Lambda where the function itself gave none. */
export function failure(errorType: string, errorMessage: string): Outcome {
  return { payload: JSON.stringify({ errorType, errorMessage }), errorType };
}

interface Current {
  invocation: Invocation;
  settle: (outcome: Outcome) => void;
}

const PREFIX = "/2018-06-01/runtime";

/**
 * The Runtime API of one container, as https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html describes it. One
 * event at a time, as Lambda gives them to an execution environment.
 */
export class RuntimeApi {
  private readonly server: Server;
  private current: Current | undefined;
  private taken = false;
  private waiting: ServerResponse | undefined;
  private started!: (start: Start) => void;

  /** Settled when the runtime asks for its first event, or reports that it cannot start. */
  readonly start = new Promise<Start>((resolve) => (this.started = resolve));

  constructor() {
    this.server = createServer((request, response) => {
      this.answer(request, response).catch(() => response.destroy());
    });
    // The runtime waits for its next event as long as there is none.
    this.server.requestTimeout = 0;
    this.server.keepAliveTimeout = 0;
  }

  /** @returns the value of AWS_LAMBDA_RUNTIME_API: loopback, a free port */
  listen(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen(0, "127.0.0.1", () => {
        resolve(`127.0.0.1:${(this.server.address() as AddressInfo).port}`);
      });
    });
  }

  /** Hands an event to the runtime and waits for its answer, however long that takes. */
  invoke(invocation: Invocation): Promise<Outcome> {
    return new Promise((settle) => {
      this.current = { invocation, settle };
      this.taken = false;
      this.hand();
    });
  }

  /** Settles the invocation in progress from outside: the container ended, or its time is up. */
  fail(outcome: Outcome): void {
    this.started({ ready: false, outcome });
    this.settle(outcome);
  }

  /** Ends every connection. */
  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  private settle(outcome: Outcome): void {
    const current = this.current;
    this.current = undefined;
    current?.settle(outcome);
  }

  private hand(): void {
    if (!this.waiting || !this.current || this.taken) return;
    const { invocation } = this.current;
    this.taken = true;
    const trace = invocation.traceId ? { "Lambda-Runtime-Trace-Id": invocation.traceId } : {};
    this.waiting.writeHead(200, {
      "Content-Type": "application/json",
      "Lambda-Runtime-Aws-Request-Id": invocation.requestId,
      "Lambda-Runtime-Deadline-Ms": String(invocation.deadline),
      "Lambda-Runtime-Invoked-Function-Arn": invocation.functionArn,
      ...trace,
    });
    this.waiting.end(invocation.event);
    this.waiting = undefined;
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = (request.url ?? "").split("?")[0]!;
    const [, id, what] = new RegExp(`^${PREFIX}/invocation/([^/]+)/(response|error)$`).exec(url) ?? [];
    if (request.method === "GET" && url === `${PREFIX}/invocation/next`) return this.next(response);
    if (request.method !== "POST") return refuse(response, 404, "NotFound", `no such path: ${request.method} ${url}`);
    const body = await read(request, LAMBDA.responseBytes);
    if (url === `${PREFIX}/init/error`) return this.initError(request, response, body);
    if (id === undefined) return refuse(response, 404, "NotFound", `no such path: ${request.method} ${url}`);
    if (!this.taken || id !== this.current?.invocation.requestId) {
      return refuse(response, 400, "InvalidRequestID", `no invocation ${id} is in progress`);
    }
    if (body === undefined) return this.tooLarge(response);
    accept(response);
    this.settle(what === "error" ? reported(request, body) : { payload: body });
  }

  private next(response: ServerResponse): void {
    // Only one can wait; the runtime gave up an earlier one.
    this.waiting?.destroy();
    this.waiting = response;
    response.once("close", () => {
      if (this.waiting === response) this.waiting = undefined;
    });
    this.started({ ready: true });
    this.hand();
  }

  private initError(request: IncomingMessage, response: ServerResponse, body = ""): void {
    accept(response);
    const outcome = reported(request, body);
    this.started({ ready: false, outcome });
    this.settle(outcome);
  }

  private tooLarge(response: ServerResponse): void {
    refuse(response, 413, "RequestEntityTooLarge", `an answer has at most ${LAMBDA.responseBytes} bytes`);
    const message = `Response payload size exceeded maximum allowed payload size (${LAMBDA.responseBytes} bytes).`;
    this.settle(failure("Function.ResponseSizeTooLarge", message));
  }
}

/** An error as the runtime reports it: its body where that is one, and the header's type. */
function reported(request: IncomingMessage, body: string): Outcome {
  const header = request.headers["lambda-runtime-function-error-type"];
  const fallback = typeof header === "string" && header !== "" ? header : "Runtime.UnknownReason";
  try {
    const value = JSON.parse(body) as { errorType?: unknown } | null;
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      const errorType = typeof value.errorType === "string" ? value.errorType : fallback;
      return { payload: JSON.stringify({ ...value, errorType }), errorType };
    }
  } catch {
    // Told as it is below.
  }
  return failure(fallback, body.slice(0, 1000));
}

/** The body's text; undefined where it is longer than `limit`, in which case the rest was read and forgotten. */
async function read(request: IncomingMessage, limit: number): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size <= limit) parts.push(part);
  }
  return size <= limit ? Buffer.concat(parts).toString("utf8") : undefined;
}

function accept(response: ServerResponse): void {
  response.writeHead(202, { "Content-Type": "application/json" }).end('{"status":"OK"}');
}

function refuse(response: ServerResponse, status: number, errorType: string, errorMessage: string): void {
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify({ errorType, errorMessage }));
}
