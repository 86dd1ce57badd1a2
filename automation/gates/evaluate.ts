import { changesAnything, losses } from "../plan/environmentPlan";
import { shared } from "../plan/regions";
import { broadeningText, lossText, violationText } from "../plan/render/view";
import { planId, type EnvironmentPlan } from "../plan/types";
import type { GateSettings } from "../settings/gates";
import { valid, type Approval } from "./approvals";
import { askCalendar } from "./calendar";
import type { GateName, GateResult } from "./types";

/** What the gates are asked with. */
export interface GateQuestion {
  plan: EnvironmentPlan;
  settings: GateSettings;
  /** All that are recorded for this plan. */
  approvals: readonly Approval[];
  /** What AWS Health tells, one a line; undefined where it was not asked. */
  health?: readonly string[];
  now: Date;
}

/** Reasons that are told of one gate. */
const told = 8;

/** A gate before approvals: what closes it. */
interface Finding {
  gate: GateName;
  why: string[];
  approvable: boolean;
  /** What opens it beside an approval. */
  otherwise?: string;
}

/**
 * Asks all gates of an environment. A plan that changes nothing passes them all.
 *
 * @returns the gates that the environment has, in the order of `gateNames`
 */
export function askGates(question: GateQuestion): GateResult[] {
  const findings = [policy, stateful, broadening, approval, cost, health, calendar].flatMap(
    (ask) => ask(question) ?? [],
  );
  const nothing = !changesAnything(question.plan);
  return findings.map((finding) => judge(nothing ? { ...finding, why: [] } : finding, question));
}

function judge(
  { gate, why, approvable, otherwise }: Finding,
  { plan, settings, approvals, now }: GateQuestion,
): GateResult {
  if (why.length === 0) return { gate, state: "open", why: [], opens: "", approvable };
  const { counts, not } = approvable ? valid(approvals, gate, settings, now) : { counts: [], not: [] };
  if (counts.length > 0) {
    const by = counts.map(({ approver, expiresAt }) => `approved by ${approver.name} until ${expiresAt}`);
    return { gate, state: "approved", why: [...cut(why), ...by], opens: "", approvable };
  }
  const who =
    settings.approvers === undefined ? "anybody who can write to the backend" : settings.approvers.join(" or ");
  const command = `tributary approve ${plan.env} ${planId(plan)}`;
  const opens = [
    ...(otherwise === undefined ? [] : [otherwise]),
    ...(approvable ? [`${who} opens it with: ${command}`] : []),
  ];
  return { gate, state: "closed", why: [...cut(why), ...not], opens: opens.join("; or "), approvable };
}

function policy({ plan, settings }: GateQuestion): Finding | undefined {
  if (settings.policy === "off") return undefined;
  const mandatory = shared(plan, ({ violations }) => violations.filter(({ level }) => level === "mandatory"));
  return {
    gate: "policy",
    why: mandatory.map(({ item, stacks }) => `${violationText(item)} [${stacks.join(", ")}]`),
    approvable: settings.policy === "approve",
    otherwise: "change the program so that it satisfies the policy",
  };
}

function stateful({ plan, settings }: GateQuestion): Finding | undefined {
  if (settings.stateful === "off") return undefined;
  const lost = shared(plan, losses);
  return {
    gate: "stateful",
    why: lost.map(({ item, stacks }) => `${lossText(item)} [${stacks.join(", ")}]`),
    approvable: true,
  };
}

function broadening({ plan, settings }: GateQuestion): Finding | undefined {
  if (settings.approval === "never") return undefined;
  const found = shared(plan, ({ broadenings }) => broadenings);
  return {
    gate: "broadening",
    why: found.map(({ item, stacks }) => `${broadeningText(item)} [${stacks.join(", ")}]`),
    approvable: true,
  };
}

function approval({ plan, settings }: GateQuestion): Finding | undefined {
  if (settings.approval !== "always") return undefined;
  return { gate: "approval", why: [`every change of ${plan.env} is approved`], approvable: true };
}

function cost({ plan, settings }: GateQuestion): Finding | undefined {
  if (settings.cost === undefined) return undefined;
  const total = Math.round(plan.stacks.reduce((sum, { monthlyCost }) => sum + monthlyCost, 0) * 100) / 100;
  const { increase } = settings.cost;
  const why =
    total >= increase && total > 0
      ? [`fixed costs rise by ${total.toFixed(2)} USD a month, ${increase.toFixed(2)} or more are approved`]
      : [];
  return { gate: "cost", why, approvable: true };
}

function health({ settings, health: events }: GateQuestion): Finding | undefined {
  if (settings.health === "off") return undefined;
  const why = events === undefined ? ["AWS Health was not asked"] : [...events];
  return { gate: "health", why, approvable: true, otherwise: "wait until the event is over" };
}

function calendar({ settings, now }: GateQuestion): Finding | undefined {
  if (settings.calendar === undefined) return undefined;
  const { open, why, opensAt } = askCalendar(settings.calendar, now);
  const when =
    opensAt === undefined ? "no opening in the next 60 days" : `it opens by itself at ${opensAt.toISOString()}`;
  return { gate: "calendar", why: open || why === undefined ? [] : [why], approvable: true, otherwise: when };
}

function cut(lines: string[]): string[] {
  return lines.length <= told ? lines : [...lines.slice(0, told), `… and ${lines.length - told} more`];
}
