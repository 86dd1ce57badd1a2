import { spawn } from "node:child_process";
import { once } from "node:events";
import * as path from "node:path";
import { createInterface } from "node:readline";
import { FunctionContainer, type FunctionRequest, type Launch } from "../../../automation/containers/container";
import { exitOf } from "../../../automation/containers/runc";

/** Starts runtime.js in place of a container. */
export const fakeLaunch: Launch = async (environment, output) => {
  const child = spawn(process.execPath, [path.join(__dirname, "runtime.js")], {
    env: environment,
    stdio: ["ignore", "pipe", "inherit"],
  });
  createInterface({ input: child.stdout }).on("line", output);
  let killed = false;
  const exited = once(child, "close").then(([code, signal]: unknown[]) =>
    exitOf(signal === "SIGKILL" ? 137 : Number(code), killed),
  );
  const kill = async () => {
    killed = true;
    child.kill("SIGKILL");
    await exited;
  };
  return { exited, kill };
};

/** A container of the fake runtime. */
export function fakeContainer(
  environment: Record<string, string> = {},
  initPatience?: number,
): Promise<FunctionContainer> {
  return FunctionContainer.start(fakeLaunch, environment, { initPatience });
}

let requests = 0;

/** An event for a function with five seconds. */
export function eventOf(event: object, timeout = 5000): FunctionRequest {
  return { requestId: `request-${++requests}`, event: JSON.stringify(event), functionArn: "arn:of:function", timeout };
}
