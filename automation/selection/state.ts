import { digestOf } from "../images/staging";
import { countResources, parseDeployment, stackType, type RecordedResource } from "../stacks/state";
import { outputDigests } from "./fingerprint";
import type { StateNow } from "./why";

/** What a recorded state tells about a stack without an engine. */
export interface StateSummary extends StateNow {
  /** Stacks whose outputs it reads, as the engine names them: `<organization>/<project>/<stack>`. */
  references: string[];
  /** Short digest of each of its outputs; of secret ones, of what the state keeps instead. */
  outputs: Record<string, string>;
  /** When the engine wrote it, ISO 8601; undefined when it does not say. */
  writtenAt: string | undefined;
  /** Version of the engine that wrote it. */
  engine: string | undefined;
}

const referenceType = "pulumi:pulumi:StackReference";

/**
 * Reads the engine's text of a stack's state.
 *
 * @returns undefined for an empty state, as a stack has it that was only created or destroyed
 * @throws SyntaxError when it is not what the engine writes
 */
export function summarize(text: string): StateSummary | undefined {
  const { checkpoint } = JSON.parse(text) as { checkpoint?: { latest?: Record<string, unknown> | null } };
  const latest = checkpoint?.latest;
  if (latest === undefined || latest === null) return undefined;
  const state = parseDeployment(latest);
  if (state.resources.length === 0 && state.pending.length === 0) return undefined;
  const manifest = (latest.manifest ?? {}) as { time?: unknown; version?: unknown };
  return {
    digest: digestOf([state.resources, state.pending]),
    resources: Math.max(countResources(state), state.resources.length > 0 ? 1 : 0),
    pending: state.pending.length,
    references: state.resources.filter(({ type }) => type === referenceType).map(nameOf),
    outputs: outputDigests(state.resources.find(({ type }) => type === stackType)?.outputs ?? {}),
    writtenAt: typeof manifest.time === "string" ? manifest.time : undefined,
    engine: typeof manifest.version === "string" ? manifest.version : undefined,
  };
}

const nameOf = ({ id, inputs }: RecordedResource): string =>
  typeof inputs?.name === "string" ? inputs.name : (id ?? "");

/** A stack that is referred to: its project and name; undefined for what is no reference of a self-managed backend. */
export function referredStack(reference: string): { project: string; stack: string } | undefined {
  const [, project, stack, ...more] = reference.split("/");
  return project && stack && more.length === 0 ? { project, stack } : undefined;
}
