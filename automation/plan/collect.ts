import type { EngineEvent } from "@pulumi/pulumi/automation";
import { stackType } from "../stacks/state";
import type { StackTarget } from "../stacks/target";
import { plannedChanges } from "./changes";
import { costOf } from "./costs";
import { statefulness } from "./stateful";
import type { Operation, PlanCounts, PlannedBroadening, PlannedResource, StackPlan, Violation } from "./types";

type Step = NonNullable<EngineEvent["resourcePreEvent"]>["metadata"];
/** A resource's state before or after, as the engine's events tell it. */
export type StepState = NonNullable<Step["new"]>;

/** What an engine's operation is for a person; undefined: nothing happens to the resource. */
const operations: Readonly<Record<string, Operation | undefined>> = {
  create: "create",
  update: "update",
  delete: "delete",
  replace: "replace",
  "create-replacement": "replace",
  "delete-replaced": "replace",
  import: "import",
  "import-replacement": "replace",
  discard: "forget",
  "discard-replaced": "forget",
  read: undefined,
  "read-replacement": "replace",
  "remove-pending-replace": "delete",
};

/** A resource of a preview with both of its states, for what is found by comparing them. */
export interface ResourceStates {
  urn: string;
  type: string;
  operation: Operation | "same";
  old: StepState | undefined;
  new: StepState | undefined;
  /** Properties that make a replacement necessary. */
  keys: string[];
  /** Property paths that the provider says are different. */
  diffs: string[];
}

/** Listens to one stack's preview and makes its plan. */
export class PlanCollector {
  private readonly seen = new Map<string, ResourceStates>();
  private readonly violations: Violation[] = [];
  /** The events that tell of resources, for what else compares states. */
  readonly events: EngineEvent[] = [];

  constructor(private readonly target: StackTarget) {}

  /** To be given to the engine's run as `onEvent`. */
  readonly onEvent = (event: EngineEvent): void => {
    if (event.resourcePreEvent) {
      this.events.push(event);
      this.planned(event.resourcePreEvent.metadata);
    }
    if (event.policyEvent) this.violated(event.policyEvent);
  };

  /** All resources with their states, in the engine's order; components and the stack are not among them. */
  get states(): ResourceStates[] {
    return [...this.seen.values()];
  }

  /**
   * The plan, once the preview has ended.
   *
   * @param broadenings what automation/permissions found in the events
   * @param prices of types in USD a month, instead of the public ones
   */
  plan(broadenings: PlannedBroadening[] = [], prices: Readonly<Record<string, number>> = {}): StackPlan {
    const states = this.states;
    const account = ownAccount(states, this.target.region);
    return {
      target: this.target,
      ...(account === undefined ? {} : { account }),
      counts: countOf(states),
      resources: states.flatMap((each) => resourceOf(each) ?? []),
      broadenings,
      violations: this.violations,
      ...costOf(states, prices),
    };
  }

  /** Whether a mandatory policy is violated: the engine then ends the preview as failed. */
  get stopped(): boolean {
    return this.violations.some(({ level }) => level === "mandatory");
  }

  private planned(step: Step): void {
    const { urn, type, op } = step;
    const custom = step.new?.custom ?? step.old?.custom ?? true;
    if (type === stackType || type.startsWith("pulumi:providers:") || !custom) return;
    const known = Object.hasOwn(operations, op);
    // A resource whose replacement was interrupted is in the state twice under one URN.
    const key = op === "delete" && step.old?.delete ? `${urn}#replaced` : urn;
    const former = this.seen.get(key);
    this.seen.set(key, {
      urn,
      type,
      operation: (known ? operations[op] : undefined) ?? former?.operation ?? "same",
      old: step.old ?? former?.old,
      new: step.new ?? former?.new,
      keys: [...new Set([...(former?.keys ?? []), ...(step.keys ?? [])])],
      diffs: [...new Set([...(former?.diffs ?? []), ...Object.keys(step.detailedDiff ?? {}), ...(step.diffs ?? [])])],
    });
  }

  private violated(event: NonNullable<EngineEvent["policyEvent"]>): void {
    const { policyName, policyPackName, policyPackVersion, enforcementLevel, resourceUrn = "", message } = event;
    // The policy's description, and then what is wrong.
    const [description = "", ...problems] = message.trim().split("\n");
    const whole = resourceUrn === "" || typeOf(resourceUrn) === stackType;
    this.violations.push({
      policy: policyName,
      pack: `${policyPackName}@${policyPackVersion}`,
      level: enforcementLevel === "mandatory" ? "mandatory" : "advisory",
      ...(whole ? {} : { resource: `${nameOf(resourceUrn)} (${typeOf(resourceUrn)})` }),
      message: problems.join("; ") || description,
    });
  }
}

function resourceOf(states: ResourceStates): PlannedResource | undefined {
  const { urn, type, operation, keys } = states;
  if (operation === "same") return undefined;
  const lost = isLost(states) ? statefulness(type) : undefined;
  return {
    urn,
    name: nameOf(urn),
    type,
    operation,
    ...(lost === undefined ? {} : { stateful: lost }),
    replacedBy: operation === "replace" ? [...keys].sort() : [],
    properties: plannedChanges(states),
  };
}

/** Whether the resource itself ends: one that is kept in the cloud does not, whatever happens to the state. */
function isLost({ operation, old, new: after }: ResourceStates): boolean {
  return (
    (operation === "delete" || operation === "replace") && !(old?.retainOnDelete ?? after?.retainOnDelete ?? false)
  );
}

function countOf(states: ResourceStates[]): PlanCounts {
  const of = (...wanted: ResourceStates["operation"][]) =>
    states.filter(({ operation }) => wanted.includes(operation)).length;
  return {
    create: of("create", "import"),
    update: of("update"),
    replace: of("replace"),
    delete: of("delete", "forget"),
    same: of("same", "read"),
  };
}

/** The account in which most of a stack's resources are, by their ARNs of its own region. */
function ownAccount(states: ResourceStates[], region: string): string | undefined {
  const counts = new Map<string, number>();
  for (const { old } of states) {
    const arn: unknown = old?.outputs?.arn;
    const parts = typeof arn === "string" ? arn.split(":") : [];
    const account = parts[3] === region && /^\d{12}$/.test(parts[4] ?? "") ? parts[4] : undefined;
    if (account !== undefined) counts.set(account, (counts.get(account) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
}

/** A resource's logical name: what its URN ends with. */
export function nameOf(urn: string): string {
  return urn.split("::").slice(3).join("::") || urn;
}

function typeOf(urn: string): string {
  return urn.split("::")[2]?.split("$").pop() ?? "";
}
