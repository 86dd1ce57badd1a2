import type { EventSink } from "../events";
import { killLeft, killTree, leftProcesses } from "./engine";
import { ends, signalProcess, type ProcessIdentity } from "./processes";

/** What the engine's folder backend writes into a lock file. */
export interface StackLock {
  pid: number;
  hostname: string;
  /** RFC 3339 */
  timestamp: string;
}

/** How long a left engine may take to end by itself, and then after a SIGINT, in milliseconds. */
const patience = { byItself: 90_000, asked: 60_000 };

/**
 * Waits for the engine that a killed driver left on a stack: it ends the step in flight, saves and unlocks. One that does not
 * end is ended, and so are plugins that outlived their engine.
 *
 * @param engineFolder of the stack
 */
export async function endLeftEngine(engineFolder: string, sink: EventSink): Promise<void> {
  const { engine } = await leftProcesses(engineFolder);
  if (engine) await waitForEngine(engine, sink);
  await killLeft(engineFolder);
}

/** Reads a lock file; undefined when it was cut off while it was written, which only a dead process leaves. */
export function parseLock(text: string): StackLock | undefined {
  try {
    const { pid, hostname, timestamp } = JSON.parse(text) as Partial<StackLock>;
    return typeof pid === "number" && typeof hostname === "string"
      ? { pid, hostname, timestamp: timestamp ?? "" }
      : undefined;
  } catch {
    return undefined;
  }
}

async function waitForEngine(engine: ProcessIdentity, sink: EventSink): Promise<void> {
  sink({
    type: "message",
    level: "info",
    text: `waiting for the engine of an interrupted run to finish its step (process ${engine.pid})`,
  });
  if (await ends(engine, patience.byItself)) return;
  signalProcess(engine.pid, "SIGINT");
  if (await ends(engine, patience.asked)) return;
  sink({ type: "message", level: "warning", text: `ending the engine of an interrupted run (process ${engine.pid})` });
  await killTree(engine.pid);
  await ends(engine, 5_000);
}
