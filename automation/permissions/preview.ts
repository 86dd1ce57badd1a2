import type { EngineEvent, StepEventMetadata, StepEventStateMetadata } from "@pulumi/pulumi/automation";
import { broadenings } from "./compare";
import { extractGrants } from "./extract";
import type { Broadening, ResourceState } from "./types";

/** Resources of a stack before and after a change. */
export interface ChangedStates {
  before: ResourceState[];
  after: ResourceState[];
  /** URNs of those that the engine leaves as they are, hidden values included. */
  untouched: ReadonlySet<string>;
}

/** Steps after which the resource is not there; of a replacement, those that speak of the old one only. */
const GONE: ReadonlySet<string> = new Set([
  ...["delete", "discard", "forget", "delete-replaced", "discard-replaced", "read-discard", "remove-pending-replace"],
]);

/** Steps that leave the resource where it is: a preview does not repeat its ARN and id, which stay. */
const KEEPS_ITS_NAMES: ReadonlySet<string> = new Set(["same", "update", "read", "refresh"]);

/**
 * What a preview says about every resource: as recorded, and as the change would make it.
 *
 * @param events of a preview of the whole stack, unchanged resources included
 */
export function statesOf(events: readonly EngineEvent[]): ChangedStates {
  const before = new Map<string, ResourceState>();
  const after = new Map<string, ResourceState>();
  for (const { resourcePreEvent } of events) {
    const step = resourcePreEvent?.metadata;
    if (step) addStep(step, before, after);
  }
  const same = events.filter(({ resourcePreEvent }) => resourcePreEvent?.metadata.op === "same");
  const untouched = new Set(same.map(({ resourcePreEvent }) => resourcePreEvent?.metadata.urn ?? ""));
  return { before: [...before.values()], after: [...after.values()], untouched };
}

function addStep(step: StepEventMetadata, before: Map<string, ResourceState>, after: Map<string, ResourceState>): void {
  const { op, old, urn } = step;
  if (old) before.set(urn, stateOf(old));
  if (GONE.has(op)) {
    // It leaves the stack and stays in the cloud.
    if (op === "delete" && old?.retainOnDelete) after.set(urn, stateOf(old));
    return;
  }
  const state = op === "same" ? (old ?? step.new) : step.new;
  if (!state) return;
  const kept = old && KEEPS_ITS_NAMES.has(op) ? { id: old.id, outputs: { ...old.outputs, ...state.outputs } } : {};
  after.set(urn, { ...stateOf(state), ...kept });
}

function stateOf({ type, urn, id, inputs, outputs }: StepEventStateMetadata): ResourceState {
  return { type, urn, id, inputs: inputs ?? {}, outputs: outputs ?? {} };
}

/** Everything that the change of a preview would newly allow. @see broadenings */
export async function broadeningsOfPreview(events: readonly EngineEvent[]): Promise<Broadening[]> {
  const { before, after, untouched } = statesOf(events);
  return broadenings(extractGrants(before), extractGrants(after), untouched);
}
