import { readFile } from "node:fs/promises";
import * as path from "node:path";
import { writeWhole } from "../local/files";

/** How long a "no" is believed, in milliseconds: the next commands do not wait again. */
const rememberMs = 15 * 60_000;
/** Longest wait for an answer, in milliseconds. */
const probeMs = 3_000;

/** How a registry is asked; tests put another one here. */
export type Probe = (url: string) => Promise<unknown>;

const ask: Probe = (url) => fetch(url, { method: "HEAD", signal: AbortSignal.timeout(probeMs) });

/**
 * Whether a public image registry answers at all; that it asks for a login is an answer. A "no" comes within 3 s and is
 * remembered for 15 minutes in the tool cache.
 *
 * @param host e.g. `public.ecr.aws`
 */
export async function registryReachable(host: string, cache: string, probe: Probe = ask): Promise<boolean> {
  const memory = path.join(cache, `unreachable-${host}.json`);
  const until = await readFile(memory, "utf8").then(parseUntil, () => 0);
  if (until > Date.now() && until <= Date.now() + rememberMs) return false;
  const reached = await probe(`https://${host}/v2/`).then(
    () => true,
    () => false,
  );
  if (!reached) await writeWhole(memory, JSON.stringify({ until: Date.now() + rememberMs })).catch(() => undefined);
  return reached;
}

function parseUntil(text: string): number {
  try {
    const { until } = JSON.parse(text) as { until?: unknown };
    return typeof until === "number" ? until : 0;
  } catch {
    return 0;
  }
}
