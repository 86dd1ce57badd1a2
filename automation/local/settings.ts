import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import { z } from "zod";
import { TributaryError } from "../errors";
import { readIfThere, writeWhole } from "./files";
import type { LocalFiles } from "./files";

/** What a checkout's local AWS keeps from start to start. */
export interface LocalSettings {
  port: number;
}

const schema = z.object({ port: z.int().min(1024).max(65535) });

/** Below the ports that systems give to outgoing connections, so that one of these does not take ours meanwhile. */
const PORTS = { first: 20_000, last: 29_999 };

/** Whether nothing listens on a loopback port. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** A loopback port on which nothing listens. @throws TributaryError `NoFreePort` */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomInt(PORTS.first, PORTS.last + 1);
    if (await isFree(port)) {
      return port;
    }
  }
  throw new TributaryError(`no free port between ${PORTS.first} and ${PORTS.last} in 100 attempts`, {
    code: "NoFreePort",
    next: "see which program holds them (ss -ltn)",
  });
}

/** The settings of earlier starts; undefined before the first one, or when the file is damaged. */
export async function readLocalSettings(files: LocalFiles): Promise<LocalSettings | undefined> {
  try {
    return schema.parse(JSON.parse((await readIfThere(files.settings)) ?? ""));
  } catch {
    return undefined;
  }
}

/**
 * The settings for a start now: those of earlier starts, with another port where the recorded one is taken.
 *
 * @returns also the port it had before, where that changed
 * @throws TributaryError `NoFreePort`
 */
export async function settingsForStart(files: LocalFiles): Promise<LocalSettings & { formerPort?: number }> {
  const known = await readLocalSettings(files);
  if (known && (await isFree(known.port))) {
    return known;
  }
  const settings = { port: await freePort() };
  await writeWhole(files.settings, JSON.stringify(settings));
  return { ...settings, formerPort: known?.port };
}
