import { readFileSync } from "node:fs";
import { request } from "node:https";
import { TributaryError } from "../../../automation/errors";
import type { LocalAws } from "../../../automation/local";

/** Asks the local AWS's own interface, or a service for which no client is installed, as its root user. */
export async function ask<T>(aws: LocalAws, target: string, body: object): Promise<T> {
  const admin = target.startsWith("/");
  const service = target.startsWith("Logs") ? "logs" : "cloudtrail";
  const day = new Date().toISOString().slice(0, 10).replaceAll("-", "");
  const scope = `${aws.account}/${day}/${aws.region}/${service}/aws4_request`;
  const headers: Record<string, string> = admin
    ? {}
    : {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": target,
        "x-amz-date": `${new Date().toISOString().replace(/[-:]|\.\d+/g, "")}`,
        // The emulator takes root's key, which is the account, for root whatever it is signed with.
        authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host;x-amz-date, Signature=00`,
      };
  const text = await post(new URL(admin ? target : "/", aws.endpoint), headers, JSON.stringify(body), aws.caFile);
  return JSON.parse(text) as T;
}

function post(url: URL, headers: Record<string, string>, body: string, caFile: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { method: "POST", headers, ca: readFileSync(caFile), agent: false };
    const sent = request(url, options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        if (response.statusCode === 200) resolve(text);
        else
          reject(
            unexpected(`${headers["x-amz-target"] ?? url.pathname}: ${response.statusCode} ${text.slice(0, 300)}`),
          );
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** The local AWS did something else than this benchmark was made for. */
export function unexpected(what: string): TributaryError {
  return new TributaryError(what, {
    code: "BenchmarkInvalid",
    next: "run it again on a quiet machine; a second failure is a defect",
  });
}
