import { stripVTControlCharacters } from "node:util";
import type { EngineEvent, OpMap } from "@pulumi/pulumi/automation";
import type { Progress, ProgressDetails } from "../events";
import { secondsLeft } from "../records/estimate";
import { maskPlannedValues } from "./masking";
import { stackType, type RecordedResource } from "./state";

type StepEventMetadata = NonNullable<EngineEvent["resourcePreEvent"]>["metadata"];

/** How the services of AWS say that a name is taken. */
const alreadyExists =
  /already ?exists|already owned|ResourceInUse|ResourceConflict|EntityAlreadyExists|is already created|ConditionalCheckFailed/i;

/** How many resources a deployment changed. A replacement counts as one create and one delete. */
export interface Changes {
  create: number;
  update: number;
  delete: number;
  same: number;
}

/** A resource that could not be brought to what the program says. */
export interface Failure {
  /** Logical name and type; "the program" where no resource is to blame. */
  resource: string;
  cause: string;
}

/** A resource that changes, or would. */
export interface ResourceChange {
  operation: string;
  type: string;
  name: string;
}

/** A resource and how long the engine worked on it. */
export interface SlowResource {
  name: string;
  type: string;
  seconds: number;
}

/** How many of them are remembered. */
const slowestKept = 10;

/** Listens to the engine: tells how far it is, and gathers what changed and what failed. */
export class EngineListener {
  private readonly running = new Map<string, string>();
  private readonly begunAt = new Map<string, number>();
  private readonly durations: SlowResource[] = [];
  private readonly diagnostics = new Map<string, string[]>();
  private readonly failed = new Set<string>();
  private readonly created = new Map<string, RecordedResource>();
  private done = 0;
  private counts: OpMap | undefined;
  private readonly finished: OpMap = {};
  private warningsHeard: string[] = [];
  /** Outputs of the stack; undefined while the program has not come to its end. */
  outputs: Record<string, unknown> | undefined;
  /** Changes in the order in which the engine began them. */
  readonly resources: ResourceChange[] = [];

  private readonly started = performance.now();

  /**
   * @param expected resources in the last recorded state, for a share of the work; 0 when unknown
   * @param expectedSeconds that such a run took the last time
   */
  constructor(
    private readonly progress: Progress,
    private readonly expected = 0,
    private readonly expectedSeconds?: number,
  ) {}

  /** To be given to the Automation API as `onEvent`. */
  readonly onEvent = (event: EngineEvent): void => {
    if (event.resourcePreEvent) this.begun(event.resourcePreEvent.metadata);
    if (event.resOutputsEvent) {
      const { op, urn, type, new: state } = event.resOutputsEvent.metadata;
      if (type === stackType) this.outputs = state?.outputs;
      this.finished[op] = (this.finished[op] ?? 0) + 1;
      this.ended(urn);
    }
    if (event.resOpFailedEvent) {
      this.failed.add(event.resOpFailedEvent.metadata.urn);
      this.ended(event.resOpFailedEvent.metadata.urn);
    }
    if (event.summaryEvent) this.counts = event.summaryEvent.resourceChanges ?? {};
    if (event.diagnosticEvent) this.heard(event.diagnosticEvent);
  };

  /** Creations that were refused because the resource is there already. */
  get collisions(): RecordedResource[] {
    return [...this.failed].flatMap((urn) => {
      const resource = this.created.get(urn);
      const texts = this.diagnostics.get(urn) ?? [];
      return resource && texts.some((text) => alreadyExists.test(text)) ? [resource] : [];
    });
  }

  /** Counts of the run: the engine's own summary, or what was finished when a run breaks off before that. */
  get changes(): Changes {
    return changesOf(this.counts ?? this.finished);
  }

  /** Resources that took longest, longest first. */
  get slowest(): SlowResource[] {
    return [...this.durations].sort((a, b) => b.seconds - a.seconds).slice(0, slowestKept);
  }

  /** Warnings of providers and program, each once. */
  get warnings(): string[] {
    return [...new Set(this.warningsHeard)];
  }

  /** All failures, each resource once, the first cause first. */
  get failures(): Failure[] {
    const blamed = new Set([...this.diagnostics.keys(), ...this.failed]);
    return [...blamed]
      .map((urn) => ({ resource: describeUrn(urn), cause: causeOf(this.diagnostics.get(urn) ?? []) }))
      .filter(({ cause }) => blamed.size === 1 || cause !== "update failed");
  }

  private begun({ urn, op, type, new: asked }: StepEventMetadata): void {
    if (op === "create" && asked?.custom) {
      const { parent, provider, inputs } = asked;
      this.created.set(urn, { urn, type, custom: true, inputs, parent, provider });
    }
    if (op !== "same" && op !== "read" && op !== "refresh") {
      this.running.set(urn, op);
      this.begunAt.set(urn, performance.now());
      this.resources.push({ operation: op, type, name: nameOf(urn) });
    }
    this.tell();
  }

  private ended(urn: string): void {
    const begun = this.begunAt.get(urn);
    if (begun !== undefined && this.running.has(urn) && isReal(urn)) {
      const seconds = Math.round((performance.now() - begun) / 100) / 10;
      this.durations.push({ name: nameOf(urn), type: typeOf(urn), seconds });
    }
    this.running.delete(urn);
    this.done++;
    this.tell();
  }

  private tell(): void {
    const real = [...this.running].filter(([urn]) => isReal(urn));
    const current = real.map(([urn, op]) => `${verb(op)} ${nameOf(urn)}`);
    const text = current.length === 0 ? `${this.done} resources looked at` : summarize(current);
    // A count that has run beyond what was expected says nothing any more.
    const share =
      this.expected > 0 && this.done <= this.expected ? { done: this.done, total: this.expected } : undefined;
    this.progress(text, share, this.details());
  }

  private details(): ProgressDetails {
    const { create, update, delete: deleted } = changesOf(this.finished);
    const elapsed = (performance.now() - this.started) / 1000;
    const left = secondsLeft(this.expectedSeconds, elapsed, this.expected > 0 ? this.done / this.expected : 0);
    const known = left !== undefined && left >= 1 && this.done <= this.expected;
    return { changes: { create, update, delete: deleted }, ...(known ? { left: Math.round(left) } : {}) };
  }

  private heard({ urn, severity, message, ephemeral }: NonNullable<EngineEvent["diagnosticEvent"]>): void {
    const text = maskPlannedValues(stripMarkup(message).trim());
    if (ephemeral || text === "") return;
    if (severity === "warning" && !/^using pulumi-\S+ from \$PATH/.test(text)) this.warningsHeard.push(text);
    if (severity !== "error") return;
    const key = urn ?? "";
    this.diagnostics.set(key, [...(this.diagnostics.get(key) ?? []), text]);
  }
}

/** Nothing changed, and nothing was there. */
export const noChanges: Readonly<Changes> = { create: 0, update: 0, delete: 0, same: 0 };

/** Changes of several stacks together. */
export function sumChanges(all: readonly Readonly<Changes>[]): Changes {
  const sum = { ...noChanges };
  for (const each of all) for (const key of ["create", "update", "delete", "same"] as const) sum[key] += each[key];
  return sum;
}

/** Changes of two runs of one deployment: what the first changed is the same in the second. */
export function addChanges(first: Changes, second: Changes): Changes {
  return {
    create: first.create + second.create,
    update: first.update + second.update,
    delete: first.delete + second.delete,
    same: Math.max(0, second.same - first.create - first.update),
  };
}

/** The engine's counts of operations as the driver reports them. */
export function changesOf(counts: OpMap): Changes {
  const of = (...names: (keyof OpMap)[]) => names.reduce((sum, name) => sum + (counts[name] ?? 0), 0);
  const replaced = counts.replace ?? 0;
  return {
    create: of("create", "import") + Math.max(replaced, of("create-replacement", "import-replacement")),
    update: of("update"),
    delete: of("delete") + Math.max(replaced, of("delete-replaced")),
    same: of("same"),
  };
}

/** A resource as `name (type)`. */
export function describeUrn(urn: string): string {
  if (urn === "") return "the program";
  return `${nameOf(urn)} (${typeOf(urn)})`;
}

/** Stack and components only hold others together: they "run" from the beginning to the end. */
const isReal = (urn: string) => /^(?!pulumi:|tributary:)/.test(typeOf(urn));

function typeOf(urn: string): string {
  return urn.split("::")[2]?.split("$").pop() ?? "";
}

function nameOf(urn: string): string {
  return urn.split("::").slice(3).join("::") || urn;
}

/** The cause comes first in what a provider says; the bridge puts the number of errors and the call path before it. */
function causeOf(messages: string[]): string {
  const texts = messages.map((message) =>
    message
      .replace(/^(?:\w+ urn:\S+:\s*)?(?:\d+ errors? occurred:\s*)?/, "")
      .replace(/^\s*\*\s*/, "")
      .replace(/^(sdk-v2\/provider2\.go:\d+|sdk\.helper_schema):\s*/, "")
      .replace(/:\s*provider=\S+$/, "")
      .trim(),
  );
  return [...new Set(texts)].join("; ") || "no reason was given";
}

function verb(op: string): string {
  const verbs: Record<string, string> = {
    create: "creating",
    update: "updating",
    delete: "deleting",
    "create-replacement": "replacing",
    "delete-replaced": "deleting",
  };
  return verbs[op] ?? op;
}

function summarize(current: string[]): string {
  return current.length === 1 ? current[0]! : `${current[0]} and ${current.length - 1} more`;
}

function stripMarkup(text: string): string {
  return stripVTControlCharacters(text.replace(/<\{%[^%]*%\}>/g, ""));
}
