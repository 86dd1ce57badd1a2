import { readFile } from "node:fs/promises";
import * as path from "node:path";
import { TributaryError } from "../errors";
import { stateFolder, type Environment } from "./environments";

/** A resource as the engine records it; only what the driver looks at. */
export interface RecordedResource {
  urn: string;
  type: string;
  id?: string;
  custom?: boolean;
  parent?: string;
  /** URN and id of its provider. */
  provider?: string;
  inputs?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
}

/** An operation that was in flight when the engine was ended. */
export interface PendingOperation {
  type: "creating" | "updating" | "deleting" | "reading" | "importing";
  resource: RecordedResource;
}

/** A stack's recorded state. */
export interface RecordedState {
  resources: RecordedResource[];
  pending: PendingOperation[];
}

/** Type of the resource that stands for a stack and carries its outputs. */
export const stackType = "pulumi:pulumi:Stack";
/** Marks a secret in the engine's state (sdk/go/common/resource/sig). */
const signature = "4dabf18193072939515e22adb298388d";

/** The file in which the engine's folder backend keeps a stack. */
export function stateFile(root: string, environment: Environment): string {
  return path.join(stateFolder(root), ".pulumi", "stacks", environment.project, `${environment.name}.json`);
}

/**
 * Reads the local environment's recorded state without starting an engine.
 *
 * @returns undefined when nothing was ever deployed
 * @throws TributaryError `UnreadableState`
 */
export async function readLocalState(root: string, environment: Environment): Promise<RecordedState | undefined> {
  const file = stateFile(root, environment);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    const parsed = JSON.parse(text) as { checkpoint?: { latest?: unknown } };
    return parseDeployment(parsed.checkpoint?.latest ?? {});
  } catch (cause) {
    throw new TributaryError(`the recorded state ${file} is not what the engine writes`, {
      code: "UnreadableState",
      next: "tributary destroy local, then tributary deploy local",
      cause,
    });
  }
}

/** Takes what the driver needs out of a deployment as the engine exports it. */
export function parseDeployment(deployment: unknown): RecordedState {
  const { resources, pending_operations: pending } = deployment as {
    resources?: RecordedResource[];
    pending_operations?: PendingOperation[];
  };
  return { resources: resources ?? [], pending: pending ?? [] };
}

/** The stack's outputs; a secret one is shown as `[secret]`. */
export function outputsOf(state: RecordedState): Record<string, unknown> {
  const outputs = state.resources.find(({ type }) => type === stackType)?.outputs ?? {};
  return Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, hideSecrets(value)]));
}

/** How many resources of a cloud a state holds: neither the stack nor components nor providers. */
export function countResources(state: RecordedState): number {
  return state.resources.filter(({ id, type }) => id !== undefined && id !== "" && !type.startsWith("pulumi:")).length;
}

function hideSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(hideSecrets);
  if (typeof value !== "object" || value === null) return value;
  if (signature in value) return "[secret]";
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, hideSecrets(inner)]));
}
