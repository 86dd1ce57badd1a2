import { openBackend, type ClientVariables } from "../../backend";
import { isRecord } from "../../json";
import { history, type Deployment } from "../../records";
import type { DeliverySettings } from "../../settings";
import type { Environment } from "../../stacks/environments";
import { readDeliverySettings } from "../model";
import { branchPatterns, openBranches } from "./index";

/** The setting, with its namespace. */
const KEY = "tributary:openBranches";

/** How far back a record of the stack's settings is looked for: one of a mend has none of them. */
const most = 20;

/**
 * Settings that keep the pipelines of branches where nobody looked which there are: those of the last deployment. Only an update looks; a
 * person's deployment would remove them all otherwise.
 *
 * @param variables with which the records are reached
 * @throws TributaryError `BackendUnreachable`
 */
export async function keptBranches(
  root: string,
  stack: Environment,
  variables: ClientVariables,
): Promise<Record<string, unknown>> {
  const settings = readDeliverySettings(root);
  const unknown = Object.keys(branchPatterns(settings)).filter((name) => settings.openBranches[name] === undefined);
  if (unknown.length === 0) return {};
  const backend = openBackend(root, stack, variables);
  try {
    const { deployments } = await history(backend.files, stack.project, [stack.name], { limit: most });
    const kept = openToKeep(settings, deployments);
    return Object.keys(kept).length === 0 ? {} : { [KEY]: kept };
  } finally {
    backend.close();
  }
}

/**
 * The branches of each pipeline: what the settings tell, else what the last deployment was given.
 *
 * @param deployments newest first
 */
export function openToKeep(settings: DeliverySettings, deployments: readonly Deployment[]): Record<string, string[]> {
  const last = deployments.find(
    ({ kind, result }) => kind !== "mend" && (kind !== "destroy" || result === "succeeded"),
  );
  const given = last === undefined || last.kind === "destroy" ? undefined : last.settings[KEY];
  const recorded = isRecord(given) ? given : {};
  const kept = Object.entries(branchPatterns(settings)).flatMap(([name, include]) => {
    const names = settings.openBranches[name] ?? textsOf(recorded[name]);
    const { branches } = openBranches(names, include);
    return branches.length > 0 ? [[name, branches] as const] : [];
  });
  return Object.fromEntries(kept);
}

const textsOf = (value: unknown) =>
  Array.isArray(value) ? value.filter((each): each is string => typeof each === "string") : [];
