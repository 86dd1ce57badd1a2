import { freemem } from "node:os";
import type { Toolchain } from "../toolchain";

/**
 * Memory that one stack takes while it is worked on, in bytes: engine, AWS plugin and its share of the driver. Measured with the
 * whole lake (docs/waves.md): 350 MB with the plugin that is built here, which has only the services in use; the official one
 * has all of them.
 */
const stackMemory = { built: 400e6, official: 700e6 };

/** Kept free for everything else, in bytes. */
const reserve = 500e6;

/** Most stacks at a time, whatever the memory: each engine asks AWS some ten things at a time. */
const most = 16;

/**
 * How many stacks are worked on at a time.
 *
 * @param asked `--parallel`; undefined: as many as memory allows, at most 16
 * @param source where engine and plugins come from
 * @param available memory in bytes that new processes can have
 */
export function parallelStacks(
  asked: number | undefined,
  source: Toolchain["source"],
  available = availableMemory(),
): number {
  const each = source === "built" ? stackMemory.built : stackMemory.official;
  const fit = Math.max(1, Math.floor((available - reserve) / each));
  return Math.min(asked ?? most, fit);
}

/** Memory that new processes can have, in bytes; in a container what its limit leaves. */
function availableMemory(): number {
  const { availableMemory: available } = process as { availableMemory?: () => number };
  return Math.min(available?.() ?? freemem(), freemem());
}
