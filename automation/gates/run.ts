import { readFileSync } from "node:fs";
import * as path from "node:path";
import { parse } from "yaml";
import { openBackend } from "../backend";
import type { CommandContext } from "../commands/context";
import { findLocalAws } from "../local";
import type { EnvironmentPlan } from "../plan/types";
import { readGateSettings, type GateSettings } from "../settings/gates";
import type { EnvironmentStacks } from "../stacks/environments";
import { roleCredentials } from "../waves/accounts";
import { readApprovals, requestApproval, type ApprovalPlace } from "./approvals";
import { askGates } from "./evaluate";
import { askAws, healthIssues } from "./health";
import { identitySources, whoAmI } from "./identity";
import { closedGates, type GateResult } from "./types";

/**
 * The gate settings of an environment, from its settings file.
 *
 * @throws user error `InvalidSettings`
 */
export function gateSettings({ stacks: [first] }: EnvironmentStacks): GateSettings {
  const { file, local } = first!;
  const document = (parse(readFileSync(file, "utf8")) ?? {}) as { config?: Record<string, unknown> };
  return readGateSettings(document.config ?? {}, path.basename(file), local);
}

/** Runs work with the place of an environment's approvals: beside the state of its first stack. */
export async function withApprovals<T>(
  { root }: CommandContext,
  { env, stacks: [first] }: EnvironmentStacks,
  work: (place: ApprovalPlace) => Promise<T>,
): Promise<T> {
  const aws = first!.local ? await findLocalAws(root) : undefined;
  const backend = openBackend(root, first!, aws?.env);
  try {
    return await work({ store: backend.files, project: first!.project, env });
  } finally {
    backend.close();
  }
}

/** AWS Health of the environment's account, asked as its role, which may. */
function healthOf({ stacks }: EnvironmentStacks, plan: EnvironmentPlan): Promise<string[]> {
  const first = stacks[0]!;
  const credentials = async () =>
    first.local ? undefined : roleCredentials({ aws: undefined, roles: new Map() }, first);
  return healthIssues(
    plan.stacks.map(({ target }) => target.region),
    askAws(credentials),
  );
}

/**
 * Asks an environment's gates about a plan. For those that are closed and that an approval would open, the plan is left
 * beside the state, so that somebody on another machine sees what there is to approve.
 *
 * @throws TributaryError `BackendUnreachable` when approvals cannot be read
 */
export async function gateEnvironment(
  context: CommandContext,
  environment: EnvironmentStacks,
  plan: EnvironmentPlan,
  settings: GateSettings,
  now: Date = new Date(),
): Promise<GateResult[]> {
  const health = settings.health === "off" ? undefined : await healthOf(environment, plan);
  const unapproved = askGates({ plan, settings, approvals: [], health, now });
  if (closedGates(unapproved).length === 0) return unapproved;
  return withApprovals(context, environment, async (place) => {
    const { approvals, problems } = await readApprovals(place, plan.digest);
    for (const text of problems) context.sink({ type: "message", level: "warning", text });
    const gates = askGates({ plan, settings, approvals, health, now });
    const waiting = closedGates(gates).filter(({ approvable }) => approvable);
    if (waiting.length > 0) {
      const first = environment.stacks[0]!;
      const requestedBy = await whoAmI(identitySources(context.root, first.local, first.region));
      const asked = waiting.map(({ gate, why }) => ({ gate, why }));
      await requestApproval(place, { version: 1, requestedAt: now.toISOString(), requestedBy, gates: asked, plan });
    }
    return gates;
  });
}
