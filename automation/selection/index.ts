/**
 * Which stacks have to be looked at, and why: docs/selection.md. Nothing here starts an engine.
 */
import type { Environment } from "../stacks/environments";
import { targetOf, type StackTarget } from "../stacks/target";
import type { Fingerprint, Inputs } from "./fingerprint";
import { sameInputs } from "./fingerprint";
import { lastRunOf } from "./lastRun";
import { keepFiles } from "./programs";
import { selectFrom, upstreamOf } from "./select";
import { Inspection, type RunPlace } from "./sources";
import { summarize } from "./state";
import type { Why } from "./why";
import { messageOf } from "../errors";

export { orderStacks, type OrderedStack } from "./order";
export { readFingerprint, type Fingerprint } from "./fingerprint";
export type { RunPlace } from "./sources";
export type { Why } from "./why";

/** A stack, whether it has to be looked at, and why. */
export interface SelectedStack {
  target: StackTarget;
  chosen: boolean;
  /** Empty when it is not chosen. */
  why: Why[];
}

/**
 * Chooses, of stacks of one backend, those that a deployment could change, and says why. What is not known counts as changed; what
 * somebody changed in the cloud is not seen.
 *
 * @throws TributaryError of a backend that cannot be reached
 */
export async function selectStacks(place: RunPlace, stacks: readonly Environment[]): Promise<SelectedStack[]> {
  const inspection = new Inspection(place);
  try {
    const selected = await selectFrom(stacks, {
      nameOf: ({ name }) => name,
      projectOf: ({ project }) => project,
      lastRun: async (stack) => lastRunOf(await inspection.backends.of(stack), stack),
      inputs: (stack) => tolerant(inspection, stack),
      stateText: (beside, project, name) => inspection.backends.stateText(beside, project, name),
    });
    return selected.map(({ stack, chosen, why }) => ({ target: targetOf(stack), chosen, why }));
  } finally {
    inspection.backends.close();
  }
}

/** What is wrong with settings or images is told by the run itself, in full. */
async function tolerant(inspection: Inspection, stack: Environment): Promise<Inputs | { unknown: string }> {
  try {
    return await inspection.inputs(stack);
  } catch (error) {
    const message = messageOf(error);
    return { unknown: `what it is made from cannot be told: ${message.split("\n")[0]}` };
  }
}

/** Fingerprints of a run's stacks, for their records: begun before the engine, sealed after it. */
export class Fingerprints {
  private constructor(
    private readonly place: RunPlace,
    private readonly begun: Map<string, Inputs | { unknown: string }>,
    private readonly startedAt: string,
  ) {}

  /** Looks at what all stacks of a run are made from, before the first engine starts. Never fails. */
  static async begin(place: RunPlace, stacks: readonly Environment[]): Promise<Fingerprints> {
    const startedAt = new Date().toISOString();
    const inspection = new Inspection(place);
    const inputs = await Promise.all(
      stacks.map(async (stack) => [stack.name, await tolerant(inspection, stack)] as const),
    );
    inspection.backends.close();
    return new Fingerprints(place, new Map(inputs), startedAt);
  }

  /**
   * The fingerprint of a stack whose deployment has just succeeded, for its end record; undefined where nobody could say later
   * what it was made from: files were edited while it ran, or its state cannot be read. Never fails.
   */
  async seal(stack: Environment): Promise<Fingerprint | undefined> {
    const before = this.begun.get(stack.name);
    if (before === undefined || "unknown" in before) return undefined;
    const inspection = new Inspection(this.place);
    try {
      const after = await inspection.inputs(stack);
      if ("unknown" in after || !sameInputs(before, after)) return undefined;
      const text = await inspection.backends.stateText(stack);
      const state = text === undefined ? undefined : summarize(text);
      if (state === undefined || state.pending > 0) return undefined;
      const upstream = await upstreamOf(stack, state, inspection.backends, this.startedAt);
      const { files, ...inputs } = after;
      await keepFiles((await inspection.backends.of(stack)).files, inputs.program, files);
      return { ...inputs, upstream: readable(upstream), state: state.digest };
    } catch {
      return undefined;
    } finally {
      inspection.backends.close();
    }
  }
}

/** Outputs that nobody could read are none: then the stack is chosen the next time. */
function readable(upstream: Awaited<ReturnType<typeof upstreamOf>>): Fingerprint["upstream"] {
  return Object.fromEntries(
    Object.entries(upstream).flatMap(([name, now]) => ("outputs" in now ? [[name, now.outputs]] : [])),
  );
}
