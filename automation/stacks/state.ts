import { readFile } from "node:fs/promises";
import * as os from "node:os";
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

/** Absolute path of the folder of an environment's folder backend; undefined for another backend. */
export function backendFolder(root: string, { local, backend }: Environment): string | undefined {
  if (local) return stateFolder(root);
  const [, rest] = /^file:\/\/(.*)$/.exec(backend ?? "") ?? [];
  if (rest === undefined) return undefined;
  const address = rest.replace(/\?.*$/, "");
  return path.resolve(
    root,
    address === "~" || address.startsWith("~/") ? path.join(os.homedir(), address.slice(1)) : address,
  );
}

/** The file in which the engine's folder backend keeps a stack; of the local state for a stack of another backend. */
export function stateFile(root: string, environment: Environment): string {
  const folder = backendFolder(root, environment) ?? stateFolder(root);
  return path.join(folder, ".pulumi", "stacks", environment.project, `${environment.name}.json`);
}

/**
 * Reads the recorded state of a stack in a folder backend without starting an engine.
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
  return parseState(text, file, environment);
}

/**
 * Takes what the driver needs out of the text of a stack in a backend that keeps stacks as objects.
 *
 * @param where it stands, for the message
 * @throws TributaryError `UnreadableState`
 */
export function parseState(text: string, where: string, { name }: Pick<Environment, "name">): RecordedState {
  try {
    const parsed = JSON.parse(text) as { checkpoint?: { latest?: unknown } };
    return parseDeployment(parsed.checkpoint?.latest ?? {});
  } catch (cause) {
    throw new TributaryError(`the recorded state ${where} is not what the engine writes`, {
      code: "UnreadableState",
      next:
        name === "local"
          ? "tributary destroy local, then tributary deploy local"
          : `restore it: beside it, in .pulumi/backups, and in .pulumi/history lie the states of earlier deployments`,
      cause,
    });
  }
}

/** Recorded state of a stack as far as it can be read without an engine; undefined where it cannot. */
export async function recordedState(root: string, environment: Environment): Promise<RecordedState | undefined> {
  return backendFolder(root, environment) === undefined ? undefined : readLocalState(root, environment);
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

/** A value of the state with every secret in it as `[secret]`. */
export function hideSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(hideSecrets);
  if (typeof value !== "object" || value === null) return value;
  if (signature in value) return "[secret]";
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, hideSecrets(inner)]));
}
