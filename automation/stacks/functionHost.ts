import { createRequire } from "node:module";
import type * as containers from "../containers";
import { TributaryError } from "../errors";
import type { EventSink } from "../events";
import type { LocalAws } from "../local";

const load = createRequire(__filename);

/**
 * Starts what runs image functions for the local AWS, where it does not run. A machine that cannot is told so and goes on:
 * the control plane of the local AWS takes images also where nothing can run them.
 *
 * @returns whether image functions run
 */
export async function ensureFunctionHost(root: string, aws: LocalAws, sink: EventSink): Promise<boolean> {
  // Loaded when it is needed: functions are archives in most local environments.
  const { ensureContainerHost } = load("../containers") as typeof containers;
  try {
    await ensureContainerHost(root, aws, sink);
    return true;
  } catch (error) {
    if (!(error instanceof TributaryError && error.code === "ContainersLack")) throw error;
    const text = `functions are deployed as images, but cannot run here: ${error.message}`;
    sink({ type: "message", level: "warning", text });
    return false;
  }
}
