import { readFile } from "node:fs/promises";
import * as https from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import * as path from "node:path";
import type { LocalAws } from "../../../automation/local";

/** What goes wrong between functions and the local AWS. */
export interface Faults {
  /** Share of DynamoDB's calls that are refused as throttled. */
  throttled: number;
  /** Share of all calls that have their effect, but whose answer is lost. */
  lost: number;
  /** S3 answers nothing but 503. */
  s3Down: boolean;
}

/** What the proxy did. */
export interface Injected {
  calls: number;
  throttled: number;
  lost: number;
  refused: number;
}

/**
 * A proxy on loopback in front of the local AWS, which functions call instead (`TRIBUTARY_FUNCTIONS_ENDPOINT`). It has the local
 * AWS's own certificate. Requests go on as they came, host included: their signature covers it.
 */
export class FaultProxy {
  faults: Faults = { throttled: 0, lost: 0, s3Down: false };
  readonly injected: Injected = { calls: 0, throttled: 0, lost: 0, refused: 0 };
  /** Calls of S3 so far: the stages are at work. */
  s3Calls = 0;
  private server: https.Server | undefined;
  private agent: https.Agent | undefined;
  private target = 0;

  /** Starts it on a free port; answers its address. */
  async start(aws: LocalAws): Promise<string> {
    const tls = path.dirname(aws.caFile);
    const [cert, key, ca] = await Promise.all(["server.pem", "server.key", "ca.pem"].map((name) => read(tls, name)));
    this.target = aws.port;
    this.agent = new https.Agent({ keepAlive: true, maxSockets: 64, ca });
    this.server = https.createServer({ cert, key }, (request, response) => this.handle(request, response));
    // Functions keep connections longer than Node's servers do.
    this.server.keepAliveTimeout = 120_000;
    await new Promise<void>((resolve) => this.server?.listen(0, "127.0.0.1", resolve));
    return `https://localhost:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server?.closeAllConnections();
    await new Promise((resolve) => this.server?.close(resolve));
    this.agent?.destroy();
  }

  private handle(request: IncomingMessage, response: ServerResponse): void {
    this.injected.calls++;
    const service = /\/([a-z0-9-]+)\/aws4_request/.exec(request.headers.authorization ?? "")?.[1];
    if (service === "s3") this.s3Calls++;
    if (service === "s3" && this.faults.s3Down) return this.refuse(request, response);
    if (service === "dynamodb" && Math.random() < this.faults.throttled) return this.throttle(request, response);
    const lost = Math.random() < this.faults.lost;
    if (lost) this.injected.lost++;
    this.forward(request, response, lost);
  }

  private forward(request: IncomingMessage, response: ServerResponse, lost: boolean): void {
    const { method, url, headers } = request;
    const options = { host: "127.0.0.1", servername: "localhost", port: this.target, method, path: url, headers };
    const onward = https.request({ ...options, agent: this.agent }, (answer) => {
      if (lost) {
        answer.resume();
        answer.on("end", () => response.destroy());
        return;
      }
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    request.pipe(onward);
  }

  private refuse(request: IncomingMessage, response: ServerResponse): void {
    this.injected.refused++;
    request.resume();
    response.writeHead(503, { "content-type": "application/xml", connection: "close" });
    response.end("<Error><Code>ServiceUnavailable</Code><Message>injected by a test</Message></Error>");
  }

  private throttle(request: IncomingMessage, response: ServerResponse): void {
    this.injected.throttled++;
    request.resume();
    request.on("end", () => {
      response.writeHead(400, { "content-type": "application/x-amz-json-1.0" });
      const type = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException";
      response.end(JSON.stringify({ __type: type, message: "injected by a test" }));
    });
  }
}

function read(folder: string, name: string): Promise<string> {
  return readFile(path.join(folder, name), "utf8");
}
