import type { Fingerprint, Inputs } from "./fingerprint";
import { programDigest, type FileDigests } from "./program";

/** One reason why a stack has to be looked at. */
export interface Why {
  /**
   * What changed, or what is not known: `record` no deployment that ended well is recorded last; `state` the recorded state is not as
   * that deployment left it; `program`, `setting`, `image`, `output`, `surroundings` its inputs; `upstream` a stack whose outputs it
   * reads is chosen as well; `unknown` nobody can tell without an engine.
   */
  kind: "record" | "state" | "program" | "setting" | "image" | "output" | "surroundings" | "upstream" | "unknown";
  /** What exactly: a file, a setting, `stack.output`, …; empty where there is nothing to name. */
  what: string;
  /** A sentence for people. */
  text: string;
}

/** A stack's last run, as its records tell. */
export interface LastRun {
  /** `running`: it has begun, and its end is not recorded. */
  result: "succeeded" | "failed" | "interrupted" | "running";
  /** `deploy`, `rollback`, `destroy`, … */
  kind: string;
  /** ISO 8601 */
  at: string;
  /** Undefined when the run left none: its inputs changed while it ran, or nobody could tell them. */
  fingerprint: Fingerprint | undefined;
  /** The program's files of that run; undefined when their list is lost. */
  files: FileDigests | undefined;
}

/** A stack as it is recorded now. */
export interface StateNow {
  /** Of resources and pending operations. */
  digest: string;
  resources: number;
  /** Operations that an interrupted run left in flight. */
  pending: number;
}

/** All that is known about a stack without starting an engine. */
export interface Evidence {
  last: LastRun | undefined;
  /** Undefined: there is none. */
  state: StateNow | undefined;
  /** Or why the inputs of a run cannot be told. */
  inputs: Inputs | { unknown: string };
  /** For every stack whose outputs it reads, these outputs now. */
  upstream: Record<string, UpstreamNow>;
}

/** Digests of a stack's outputs, or why they cannot be read. */
export type UpstreamNow = { outputs: Record<string, string> } | { unreadable: string };

/** At most so many things of one kind are named; the number of all is told. */
const named = 5;

/**
 * Why a stack has to be looked at: empty when a deployment now would be made from the same as its last one, which ended well, and its
 * recorded state is as that one left it. Whatever is not known counts as changed.
 */
export function whyChanged({ last, state, inputs, upstream }: Evidence): Why[] {
  const unsettled = whyUnsettled(last, state);
  if (unsettled !== undefined) return [unsettled];
  const before = last?.fingerprint;
  if (before === undefined) return [unknownLast(last?.kind)];
  if ("unknown" in inputs) return [{ kind: "unknown", what: "", text: inputs.unknown }];
  return [
    ...whyState(before, state),
    ...whyProgram(before, last?.files, inputs),
    ...differences(before.settings, inputs.settings, "setting", (name) => `setting ${name}`),
    ...differences(before.images, inputs.images, "image", (name) => `content of image ${name}`),
    ...differences(before.surroundings, inputs.surroundings, "surroundings", (name) => name),
    ...whyUpstream(before, upstream),
  ];
}

function unknownLast(kind: string | undefined): Why {
  const text =
    kind === "rollback"
      ? "it was rolled back: what runs is not what the checkout says"
      : "its last deployment does not tell what it was made from: another version made it, or files changed while it ran";
  return { kind: "record", what: kind ?? "", text };
}

function whyUnsettled(last: LastRun | undefined, state: StateNow | undefined): Why | undefined {
  const record = (text: string): Why => ({ kind: "record", what: last?.kind ?? "", text });
  if (state === undefined || state.resources === 0)
    return { kind: "state", what: "", text: "nothing of it is deployed" };
  if (last === undefined) return record("no deployment of it is recorded here");
  if (last.result === "running") return record(`its ${last.kind} of ${last.at} has not ended, or was interrupted`);
  if (last.result !== "succeeded") {
    return record(`its ${last.kind} of ${last.at} ${last.result === "failed" ? "failed" : "was interrupted"}`);
  }
  if (last.kind === "destroy") return record(`it was destroyed at ${last.at}, and something is there again`);
  if (state.pending > 0) {
    const text = `an interrupted run left ${state.pending} operation(s) in flight`;
    return { kind: "state", what: "", text };
  }
  return undefined;
}

function whyState(before: Fingerprint, state: StateNow | undefined): Why[] {
  if (state?.digest === before.state) return [];
  const text = "its recorded state is not as the last deployment left it: somebody else ran the engine on it";
  return [{ kind: "state", what: "", text }];
}

function whyProgram(before: Fingerprint, files: FileDigests | undefined, now: Inputs): Why[] {
  if (before.program === now.program) return [];
  // A list that is not the one the digest was made of would name the wrong files.
  const known = files !== undefined && programDigest(files) === before.program ? files : undefined;
  if (known === undefined) return [{ kind: "program", what: "", text: "files of the program changed" }];
  return differences(known, now.files, "program", (file) => `file ${file}`);
}

function whyUpstream(before: Fingerprint, upstream: Evidence["upstream"]): Why[] {
  const stacks = [...new Set([...Object.keys(before.upstream), ...Object.keys(upstream)])].sort();
  return stacks.flatMap((stack) => {
    const [was, is] = [before.upstream[stack], upstream[stack]];
    if (is === undefined || was === undefined) {
      const text = `whether it reads outputs of stack ${stack} is not told alike by its record and its state`;
      return [{ kind: "output" as const, what: stack, text }];
    }
    if ("unreadable" in is) {
      const text = `outputs of stack ${stack}, which it reads, cannot be read: ${is.unreadable}`;
      return [{ kind: "output" as const, what: stack, text }];
    }
    const of = (name: string) => `output ${name} of stack ${stack}`;
    return differences(was, is.outputs, "output", of).map((why) => ({ ...why, what: `${stack}.${why.what}` }));
  });
}

function differences(
  before: Record<string, string>,
  now: Record<string, string>,
  kind: Why["kind"],
  tell: (name: string) => string,
): Why[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].sort();
  const changed = names.filter((name) => before[name] !== now[name]);
  const verb = (name: string) =>
    before[name] === undefined ? "is new" : now[name] === undefined ? "is gone" : "changed";
  const told = changed.slice(0, named).map((name): Why => ({ kind, what: name, text: `${tell(name)} ${verb(name)}` }));
  if (changed.length <= named) return told;
  return [...told, { kind, what: "", text: `and ${changed.length - named} more like it` }];
}
