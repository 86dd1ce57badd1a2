import { readFile } from "node:fs/promises";
import { request } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";

/** One answer of the health page. */
function ask(port: number, ca: string, timeout: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", servername: "localhost", port, ca, path: "/_ministack/health", agent: false };
    const call = request(options, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("error", reject);
      response.on("end", () => resolve(Buffer.concat(parts).toString("utf8")));
    });
    // For the whole call, not for a pause in it.
    const timer = setTimeout(() => call.destroy(new TypeError("no answer in time")), timeout);
    call.on("error", reject);
    call.on("close", () => clearTimeout(timer));
    call.end();
  });
}

/**
 * Whether the emulator answers on `port` with a certificate of our authority and with IAM enforcement on, within
 * `timeout` ms. A program that is not ours has no such certificate.
 */
export async function isHealthy(port: number, caFile: string, timeout: number): Promise<boolean> {
  try {
    const body = await ask(port, await readFile(caFile, "utf8"), timeout);
    return (JSON.parse(body) as { auth?: string }).auth === "enabled";
  } catch {
    return false;
  }
}

/** Asks again and again until it is healthy, `stop` says that waiting has no sense any more, or `patience` ms are over. */
export async function becomesHealthy(
  port: number,
  caFile: string,
  patience: number,
  stop: () => boolean | Promise<boolean>,
): Promise<boolean> {
  const end = Date.now() + patience;
  while (Date.now() < end && !(await stop())) {
    if (await isHealthy(port, caFile, 5000)) {
      return true;
    }
    await sleep(50);
  }
  return false;
}
