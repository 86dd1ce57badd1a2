import { createRequire } from "node:module";
import type { EngineEvent } from "@pulumi/pulumi/automation";
import type * as permissions from "../permissions";
import { nameOf } from "./collect";
import type { PlannedBroadening } from "./types";

/** Loaded when something changes: what knows all actions of AWS takes its time. */
const load = () => createRequire(__filename)("../permissions") as typeof permissions;

/** What a preview would newly allow, in the form that plans show and keep. */
export async function plannedBroadenings(events: EngineEvent[]): Promise<PlannedBroadening[]> {
  if (events.every(({ resourcePreEvent: event }) => event === undefined || event.metadata.op === "same")) return [];
  const found = await load().broadeningsOfPreview(events);
  return found.map(({ kind, severity, principal, actions, resources, conditions, via, fresh, undecided }) => ({
    kind,
    severity,
    principal,
    actions: [...actions],
    resources: [...resources],
    conditions: [...conditions],
    via: `${nameOf(via.urn)} ${via.property}, ${via.statement}`,
    fresh,
    ...(undecided === undefined ? {} : { undecided }),
  }));
}
