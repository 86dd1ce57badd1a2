import { whyChanged, type LastRun, type UpstreamNow, type Why } from "./why";
import type { Inputs } from "./fingerprint";
import { referredStack, summarize, type StateSummary } from "./state";

/** What selection needs to know of the world; nothing of it starts an engine. */
export interface SelectionSources<T> {
  /** A stack's name, unique among those that are selected from. */
  nameOf(stack: T): string;
  /** The Pulumi project of a stack. */
  projectOf(stack: T): string;
  /** The last run that its records tell of. */
  lastRun(stack: T): Promise<LastRun | undefined>;
  /** What a run now would be made from, or why only an engine can tell. */
  inputs(stack: T): Promise<Inputs | { unknown: string }>;
  /**
   * Text of a recorded state; undefined when there is none.
   *
   * @param beside a stack whose backend is looked into
   */
  stateText(beside: T, project: string, stack: string): Promise<string | undefined>;
}

/** What became of one stack. */
export interface Selection<T> {
  stack: T;
  /** Whether it has to be looked at by an engine. */
  chosen: boolean;
  /** Why; empty when it is not chosen. */
  why: Why[];
}

/**
 * Chooses the stacks of which a deployment could change something: whose program, settings, images, surroundings or upstream outputs are
 * not those of their last deployment, whose state is not as that left it, and those of which that cannot be told. A stack that reads
 * outputs of a chosen one is chosen, too. What changed in the cloud beyond the recorded state is not seen: that is what drift is for.
 */
export async function selectFrom<T>(stacks: readonly T[], sources: SelectionSources<T>): Promise<Selection<T>[]> {
  const found = await Promise.all(stacks.map((stack) => judge(stack, sources)));
  propagate(found);
  return found.map(({ stack, why }) => ({ stack, chosen: why.length > 0, why }));
}

interface Judged<T> {
  stack: T;
  /** `<project>/<stack>` of itself. */
  name: string;
  /** The same of the stacks that it reads outputs of. */
  reads: string[];
  why: Why[];
}

async function judge<T>(stack: T, sources: SelectionSources<T>): Promise<Judged<T>> {
  const name = `${sources.projectOf(stack)}/${sources.nameOf(stack)}`;
  const state = await stateOf(stack, sources.projectOf(stack), sources.nameOf(stack), sources);
  if (state instanceof Error) {
    const text = `its recorded state cannot be read: ${state.message}`;
    return { stack, name, reads: [], why: [{ kind: "unknown", what: "", text }] };
  }
  const [last, inputs, upstream] = await Promise.all([
    sources.lastRun(stack),
    sources.inputs(stack),
    upstreamOf(stack, state, sources),
  ]);
  const reads = (state?.references ?? []).map((reference) => reference.split("/").slice(-2).join("/"));
  return { stack, name, reads, why: whyChanged({ last, state, inputs, upstream }) };
}

async function stateOf<T>(
  beside: T,
  project: string,
  stack: string,
  sources: Pick<SelectionSources<T>, "stateText">,
): Promise<StateSummary | undefined | Error> {
  try {
    const text = await sources.stateText(beside, project, stack);
    return text === undefined ? undefined : summarize(text);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/**
 * Outputs of all stacks that a state refers to, as they are recorded now.
 *
 * @param before ISO 8601: a stack that was written later than this is not told, since nobody knows which of its outputs were read
 */
export async function upstreamOf<T>(
  stack: T,
  state: Pick<StateSummary, "references"> | undefined,
  sources: Pick<SelectionSources<T>, "stateText">,
  before?: string,
): Promise<Record<string, UpstreamNow>> {
  const references = [...new Set(state?.references ?? [])];
  const found = references.map(async (reference): Promise<[string, UpstreamNow]> => {
    const referred = referredStack(reference);
    if (referred === undefined) return [reference, { unreadable: "it is in no backend of its own" }];
    const other = await stateOf(stack, referred.project, referred.stack, sources);
    if (other instanceof Error) return [reference, { unreadable: other.message }];
    if (other === undefined) return [reference, { unreadable: "there is no such state" }];
    if (before !== undefined && !(Date.parse(other.writtenAt ?? "") < Date.parse(before))) {
      return [reference, { unreadable: "it changed meanwhile" }];
    }
    return [reference, { outputs: other.outputs }];
  });
  return Object.fromEntries(await Promise.all(found));
}

function propagate<T>(found: Judged<T>[]): void {
  const chosen = found.filter(({ why }) => why.length > 0);
  for (let next = chosen.shift(); next !== undefined; next = chosen.shift()) {
    for (const other of found) {
      if (other.why.length > 0 || !other.reads.includes(next.name)) continue;
      const stack = next.name.split("/")[1]!;
      other.why.push({ kind: "upstream", what: stack, text: `it reads outputs of stack ${stack}, which is chosen` });
      chosen.push(other);
    }
  }
}
