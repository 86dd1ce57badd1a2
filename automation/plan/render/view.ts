import type { GateResult } from "../../gates/types";
import { totals } from "../environmentPlan";
import { grouped, shared, type Shared, type SharedGroup } from "../regions";
import {
  planId,
  type EnvironmentPlan,
  type Json,
  type Operation,
  type PlanCounts,
  type PlannedBroadening,
  type PlannedResource,
  type PropertyChange,
  type Violation,
} from "../types";
import { SECRET } from "../values";

/** How a gate stands on one line: what closes it is told above where it has a section of its own. */
export function gateText({ gate, state, why, opens }: GateResult): string {
  const above = gate === "stateful" || gate === "broadening" || gate === "policy";
  if (state === "open") return `${gate}: open`;
  const by = why.filter((line) => /^(the )?approv/.test(line));
  const reasons = above ? [`${why.length - by.length} above`, ...by] : why;
  return `${gate}: ${state}: ${reasons.join("; ")}${state === "closed" ? `. ${opens}` : ""}`;
}

/** What is shown of a plan, in whatever form. */
export interface PlanView {
  plan: EnvironmentPlan;
  id: string;
  title: string;
  rows: ({ stack: string; region: string; wave: number } & PlanCounts)[];
  total: PlanCounts;
  losses: Shared<PlannedResource>[];
  broadenings: Shared<PlannedBroadening>[];
  violations: Shared<Violation>[];
  changes: SharedGroup<PlannedResource>[];
  /** USD a month. */
  cost: number;
  unpriced: string[];
  gates: readonly GateResult[];
  /** Stacks that were not planned, by name, with the reason. */
  left: ReadonlyMap<string, string>;
}

/** Makes what all renderers show. */
export function viewOf(
  plan: EnvironmentPlan,
  gates: readonly GateResult[] = [],
  left: ReadonlyMap<string, string> = new Map(),
): PlanView {
  const resources = shared(plan, (stack) => stack.resources);
  const waves = new Set(plan.stacks.map(({ target }) => target.wave)).size;
  const count = plan.stacks.length;
  return {
    plan,
    id: planId(plan),
    title: `${plan.env}: ${count} ${count === 1 ? "stack" : `stacks in ${waves} ${waves === 1 ? "wave" : "waves"}`}`,
    rows: plan.stacks.map(({ target: { stack, region, wave }, counts }) => ({
      stack,
      region,
      wave: wave + 1,
      ...counts,
    })),
    total: totals(plan.stacks),
    losses: resources.filter(({ item }) => item.stateful !== undefined),
    broadenings: shared(plan, (stack) => stack.broadenings),
    violations: shared(plan, (stack) => stack.violations),
    changes: grouped(resources),
    cost: Math.round(plan.stacks.reduce((sum, { monthlyCost }) => sum + monthlyCost, 0) * 100) / 100,
    unpriced: [...new Set(plan.stacks.flatMap(({ unpriced }) => unpriced))].sort(),
    gates,
    left,
  };
}

/** Signs of the operations. */
export const signs: Readonly<Record<Operation, string>> = {
  create: "+",
  import: "+",
  read: " ",
  update: "~",
  replace: "±",
  delete: "-",
  forget: "-",
};

/** Which stacks something is in, as words: nothing where the plan has one stack. */
export function where(stacks: string[], { plan }: Pick<PlanView, "plan">): string {
  if (plan.stacks.length === 1) return "";
  return stacks.length === plan.stacks.length ? `in all ${stacks.length} stacks` : `in ${stacks.join(", ")}`;
}

/** A change of a property on one line. */
export function changeText({ path, kind, before, after }: PropertyChange): string {
  if (kind === "order") return `${path}: another order`;
  if (kind === "add") return `${path}: + ${valueText(after)}`;
  if (kind === "remove") return `${path}: - ${valueText(before)}`;
  if (before === SECRET && after === SECRET) return `${path}: the secret changes`;
  if (isCode(before) && isCode(after)) return `${path}: code changed`;
  return `${path}: ${valueText(before)} -> ${valueText(after)}`;
}

/** A value on one line. */
function valueText(value: Json | undefined): string {
  if (value === undefined) return "nothing";
  if (typeof value === "string" && /^\[[^\]]+\]$/.test(value)) return value;
  return JSON.stringify(value);
}

/** Actions, resources or conditions that are told of one broadening. */
const listed = 6;

/** A broadening on one line. */
export function broadeningText(broadening: PlannedBroadening): string {
  const { kind, severity, principal, actions, resources, conditions, via, undecided } = broadening;
  const narrowed = conditions.length === 0 ? "" : ` when ${few(conditions, " and ")}`;
  const doubt = undecided === undefined ? "" : ` (not decided: ${undecided})`;
  if (kind === "unknown") return `${severity}: what ${principal} may is not known yet: ${undecided ?? ""}, by ${via}`;
  const how = kind === "allow" ? "" : ` [${kind}]`;
  return `${severity}: ${principal} may ${few(actions)} on ${few(resources)}${narrowed}${how}${doubt}, by ${via}`;
}

function few(items: string[], separator = ", "): string {
  const more = items.length > listed ? `${separator}${items.length - listed} more` : "";
  return items.slice(0, listed).join(separator) + more;
}

/** A violation on one line. */
export function violationText({ policy, pack, level, resource, message }: Violation): string {
  return `${level}: ${resource ?? "the stack"}: ${message} (${pack} ${policy})`;
}

/** What a loss is on one line. */
export function lossText({ name, type, operation, stateful, replacedBy }: PlannedResource): string {
  const verb = operation === "replace" ? "replaces" : "deletes";
  const cause = replacedBy.length > 0 ? `, because of ${replacedBy.join(", ")}` : "";
  return `${verb} ${name} (${type})${cause}: lost is ${stateful?.loss ?? ""}`;
}

/** Costs on one line; undefined when nothing is known to change. */
export function costText({ cost, unpriced }: Pick<PlanView, "cost" | "unpriced">): string | undefined {
  const use = unpriced.length === 0 ? [] : [`paid by use, not counted: ${unpriced.map(shortType).join(", ")}`];
  const sign = cost > 0 ? "+" : "-";
  const fixed = cost === 0 ? [] : [`fixed costs ${sign}${Math.abs(cost).toFixed(2)} USD a month (us-east-1)`];
  return [...fixed, ...use].join("; ") || undefined;
}

/** `aws:kms/key:Key` as `kms Key`. */
export function shortType(type: string): string {
  const parts = /^[^:]+:([^/:]+)[^:]*:(.+)$/.exec(type);
  return parts ? `${parts[1]} ${parts[2]}` : type;
}

function isCode(value: Json | undefined): boolean {
  return typeof value === "string" && value.startsWith("[code ");
}
