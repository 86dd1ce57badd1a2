"use strict";
// A runtime interface client for tests: does what the event says. FAKE_INIT: "error" reports one, "exit" ends, "hang" never asks.
const http = require("node:http");
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");

function call(method, path, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host, port, method, path: `/2018-06-01/runtime${path}`, headers }, (response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      response.on("end", () =>
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts).toString() }),
      );
    });
    request.on("error", reject);
    request.end(body);
  });
}

async function perform(event, headers) {
  const id = headers["lambda-runtime-aws-request-id"];
  if (event.do === "exit") process.exit(event.code);
  if (event.do === "kill") process.kill(process.pid, "SIGKILL");
  if (event.do === "sleep") await new Promise((resolve) => setTimeout(resolve, event.ms));
  if (event.do === "print") console.log(event.text);
  if (event.do === "throw") {
    const error = { errorType: event.type, errorMessage: event.message };
    return call("POST", `/invocation/${id}/error`, JSON.stringify(error), {
      "Lambda-Runtime-Function-Error-Type": "Function.Other",
    });
  }
  if (event.do === "wrong-id") {
    const { status, body } = await call("POST", "/invocation/another/response", "1");
    return call("POST", `/invocation/${id}/response`, JSON.stringify({ status, body }));
  }
  const answer = event.do === "big" ? "x".repeat(event.size) : { pid: process.pid, headers, event };
  return call("POST", `/invocation/${id}/response`, JSON.stringify(answer));
}

async function main() {
  if (process.env.FAKE_INIT === "exit") process.exit(3);
  if (process.env.FAKE_INIT === "hang") return http.createServer().listen(0, "127.0.0.1");
  if (process.env.FAKE_INIT === "error") {
    await call(
      "POST",
      "/init/error",
      JSON.stringify({ errorType: "Runtime.ImportModuleError", errorMessage: "no handler" }),
    );
    process.exit(1);
  }
  for (;;) {
    const { headers, body } = await call("GET", "/invocation/next");
    await perform(JSON.parse(body), headers);
  }
}

main().catch(() => process.exit(1));
