import * as os from "node:os";
import type { Values } from "../cli/specification";
import { userError } from "../errors";
import {
  findRequests,
  mayApprove,
  readApprovals,
  recordApproval,
  type ApprovalPlace,
  type ApprovalRequest,
} from "../gates/approvals";
import { askGates } from "../gates/evaluate";
import { identitySources, whoAmI } from "../gates/identity";
import { gateSettings, withApprovals } from "../gates/run";
import { closedGates, gateNames, type GateName, type GateResult } from "../gates/types";
import { digestOf } from "../plan/digest";
import { planText } from "../plan/render/text";
import { viewOf } from "../plan/render/view";
import { planId } from "../plan/types";
import type { GateSettings } from "../settings/gates";
import { environmentStacks, type EnvironmentStacks } from "../stacks/environments";
import type { CommandContext, Outcome } from "./context";

/** `tributary approve <env> <id>` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const environment = environmentStacks(context.root, String(values.env));
  const settings = gateSettings(environment);
  return withApprovals(context, environment, async (place) => {
    const request = await findRequest(place, String(values.id));
    return approve(context, environment, settings, place, request, textOf(values.reason));
  });
}

async function approve(
  { root }: CommandContext,
  environment: EnvironmentStacks,
  settings: GateSettings,
  place: ApprovalPlace,
  { plan, gates: asked }: ApprovalRequest,
  reason: string,
): Promise<Outcome> {
  const now = new Date();
  const { env, local, region } = environment.stacks[0]!;
  const approver = await whoAmI(identitySources(root, local, region));
  if (!mayApprove(approver.name, settings)) throw notApprover(env, approver.name, settings);
  const { approvals } = await readApprovals(place, plan.digest);
  const gates = merged(askGates({ plan, settings, approvals, health: [], now }), asked);
  const waiting = gates.filter(({ state, approvable }) => state === "closed" && approvable).map(({ gate }) => gate);
  const shown = planText(viewOf(plan));
  if (waiting.length === 0) {
    const text = `${shown}\nnothing to approve: no gate waits for plan ${planId(plan)}\n`;
    return { document: { ok: true, plan: plan.digest, gates: [] }, text };
  }
  const given = { gates: waiting, approver, host: os.hostname(), reason };
  const approval = await recordApproval(place, plan, given, settings.approvalSeconds, now);
  const { expiresAt } = approval;
  return {
    document: { ok: true, plan: plan.digest, gates: waiting, approver, expiresAt, approval: approval.id },
    text: `${shown}\n${approver.name} approves plan ${planId(plan)} of ${env} for ${waiting.join(", ")}, until ${expiresAt}\nnext: tributary deploy ${env}\n`,
  };
}

/** Gates that closed when the plan was made and that cannot be judged from here, such as AWS Health, are approved as asked. */
function merged(gates: GateResult[], asked: ApprovalRequest["gates"]): GateResult[] {
  const closed = new Set(closedGates(gates).map(({ gate }) => gate));
  const approved = new Set(gates.filter(({ state }) => state === "approved").map(({ gate }) => gate));
  const others = asked.filter(({ gate }) => gate === "health" && !closed.has(gate) && !approved.has(gate));
  const all = [
    ...gates.filter(({ gate }) => !others.some((other) => other.gate === gate)),
    ...others.map(({ gate, why }): GateResult => ({ gate, why, state: "closed", opens: "", approvable: true })),
  ];
  const order = (gate: GateName) => gateNames.indexOf(gate);
  return all.sort((a, b) => order(a.gate) - order(b.gate));
}

async function findRequest(place: ApprovalPlace, id: string): Promise<ApprovalRequest> {
  if (!/^[0-9a-f]{8,64}$/.test(id)) {
    const message = `"${id}" is no plan's id: 8 to 64 hexadecimal digits, as the closed gate said`;
    throw userError("ApprovalIdInvalid", message, `tributary plan ${place.env}`);
  }
  const requests = (await findRequests(place, id)).filter(({ plan }) => digestOf(plan) === plan.digest);
  if (requests.length === 1) return requests[0]!;
  const found = requests.length === 0 ? "no plan waits" : `${requests.length} plans wait`;
  throw userError(
    "ApprovalUnknown",
    `${found} for an approval under the id ${id} in ${place.env}`,
    `give more digits, or make the plan again: tributary plan ${place.env}`,
  );
}

function notApprover(env: string, name: string, { approvers }: GateSettings) {
  return userError(
    "NotApprover",
    `${name} may not approve changes of ${env}; tributary:approvers allows: ${(approvers ?? []).join(", ")}`,
    "ask one of them, or use credentials of theirs that are yours to use",
  );
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value.slice(0, 1000) : "";
}
