import type { Fingerprint, Inputs } from "../../../automation/selection/fingerprint";
import { canonicalJson } from "../../../automation/json";
import { inputsFrom } from "../../../automation/selection/fingerprint";
import type { SelectionSources } from "../../../automation/selection/select";
import { upstreamOf } from "../../../automation/selection/select";
import { summarize } from "../../../automation/selection/state";
import type { FileDigests } from "../../../automation/selection/program";
import type { LastRun } from "../../../automation/selection/why";

/** A stack of the model: what it is made from, and what is recorded of it. */
export interface ModelStack {
  name: string;
  settings: Record<string, unknown>;
  /** Stacks whose outputs it reads. */
  reads: string[];
  state?: { text: string; applied: string };
  runs: LastRun[];
}

/**
 * A world with a program, stacks and an engine of which everything that a real one does is a function: what it would deploy comes
 * from files, settings, engine version and the outputs that it reads; a full plan shows a change exactly when that is not what the state
 * holds. Selection is judged against that plan.
 */
export class World {
  files: FileDigests = { "index.ts": "1", "datasets/a.sql": "1" };
  engine = "3.256.0";
  stacks: ModelStack[];
  private clock = 0;

  constructor(shape: { name: string; reads: string[] }[]) {
    this.stacks = shape.map(({ name, reads }) => ({ name, reads, settings: { "aws:region": name }, runs: [] }));
  }

  private time(): string {
    return new Date(++this.clock * 1000).toISOString();
  }

  stack(name: string): ModelStack {
    return this.stacks.find((each) => each.name === name)!;
  }

  /** What a deployment now would bring about. */
  private desired({ name, settings, reads }: ModelStack): string {
    const outputs = reads.map((other) => this.stack(other).state?.applied ?? null);
    return canonicalJson([name, this.files, settings, this.engine, outputs]);
  }

  /** Whether a real plan of this stack would show a change. */
  planShowsChange(stack: ModelStack): boolean {
    const pending = stack.state !== undefined && summarize(stack.state.text)!.pending > 0;
    return stack.state === undefined || pending || stack.state.applied !== this.desired(stack);
  }

  private write(stack: ModelStack, applied: string, pending = 0): void {
    const resources = [
      { type: "pulumi:pulumi:Stack", urn: "stack", outputs: { applied, other: 1 } },
      ...stack.reads.map((each) => ({ type: "pulumi:pulumi:StackReference", urn: each, id: `organization/p/${each}` })),
      { type: "aws:s3/bucket:Bucket", urn: "bucket", id: "bucket", outputs: { applied } },
    ];
    const operations = Array.from({ length: pending }, () => ({ type: "creating", resource: { urn: "x", type: "y" } }));
    const latest = { manifest: { time: this.time(), version: this.engine }, resources, pending_operations: operations };
    stack.state = { text: JSON.stringify({ version: 3, checkpoint: { latest } }), applied };
  }

  inputs({ settings }: ModelStack): Inputs {
    return inputsFrom({ files: { ...this.files }, settings, surroundings: { engine: this.engine } });
  }

  /** @param ends how; an interrupted one may leave a half-written state, with or without operations in flight */
  async deploy(
    stack: ModelStack,
    ends: "succeeded" | "failed" | "interrupted" | "running",
    pending = 0,
  ): Promise<void> {
    const at = this.time();
    const inputs = this.inputs(stack);
    if (ends !== "succeeded") {
      this.write(stack, `half ${this.clock}`, pending);
      stack.runs.push({ result: ends, kind: "deploy", at, fingerprint: undefined, files: undefined });
      return;
    }
    this.write(stack, this.desired(stack));
    const state = summarize(stack.state!.text)!;
    const upstream = await upstreamOf(stack, state, this.sources, at);
    const told: [string, Record<string, string>][] = [];
    for (const [name, now] of Object.entries(upstream)) if ("outputs" in now) told.push([name, now.outputs]);
    const { files, ...rest } = inputs;
    const fingerprint: Fingerprint = { ...rest, upstream: Object.fromEntries(told), state: state.digest };
    stack.runs.push({ result: "succeeded", kind: "deploy", at, fingerprint, files });
  }

  /** Somebody works on the stack with the bare engine, with what the checkout says now or with something else. */
  byHand(stack: ModelStack, applied = this.desired(stack)): void {
    this.write(stack, applied);
  }

  destroy(stack: ModelStack, recorded: boolean): void {
    delete stack.state;
    const run = {
      result: "succeeded",
      kind: "destroy",
      at: this.time(),
      fingerprint: undefined,
      files: undefined,
    } as const;
    if (recorded) stack.runs.push(run);
  }

  readonly sources: SelectionSources<ModelStack> = {
    nameOf: ({ name }) => name,
    projectOf: () => "p",
    lastRun: async ({ runs }) => runs.at(-1),
    inputs: async (stack) => this.inputs(stack),
    stateText: async (_, project, name) => (project === "p" ? this.stack(name)?.state?.text : undefined),
  };
}
