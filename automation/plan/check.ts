import { userError } from "../errors";
import { changesBetween } from "./diff";
import { changeText } from "./render/view";
import { planId, type EnvironmentPlan, type PlannedResource, type StackPlan } from "./types";
import { canonicalJson } from "../json";

/** Differences that are told; the rest is counted. */
const told = 20;

/**
 * Makes sure that a deployment would do exactly what a plan says.
 *
 * @param saved the plan that was looked at
 * @param fresh the same stacks planned now
 * @param begun stacks on which the plan's deployment was begun before: there, what is done already may be missing
 * @throws user error `PlanOutdated` that tells what is different
 */
export function requireSamePlan(
  saved: EnvironmentPlan,
  fresh: EnvironmentPlan,
  begun: ReadonlySet<string> = new Set(),
): void {
  if (saved.digest === fresh.digest) return;
  const differences = planDifferences(saved, fresh, begun);
  if (differences.length === 0) return;
  const list = differences.slice(0, told).map((line) => `\n  ${line}`);
  const more = differences.length > told ? `\n  … and ${differences.length - told} more` : "";
  throw userError(
    "PlanOutdated",
    `a deployment of ${saved.env} would not do what plan ${planId(saved)} says any more; nothing was changed. What differs:${list.join("")}${more}`,
    `tributary plan ${saved.env} --out FILE, and look at it again`,
  );
}

/** What is different between two plans of the same environment, a line each; see {@link requireSamePlan}. */
export function planDifferences(
  saved: EnvironmentPlan,
  fresh: EnvironmentPlan,
  begun: ReadonlySet<string> = new Set(),
): string[] {
  const before = new Map(saved.stacks.map((stack) => [stack.target.stack, stack]));
  const after = new Map(fresh.stacks.map((stack) => [stack.target.stack, stack]));
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((name) => {
    const [first, second] = [before.get(name), after.get(name)];
    if (!first) return [`${name}: the stack is not in the plan`];
    if (!second) return [`${name}: the plan has this stack, the environment has not`];
    return inStack(first, second, begun.has(name));
  });
}

function inStack(saved: StackPlan, fresh: StackPlan, begun: boolean): string[] {
  const name = saved.target.stack;
  const before = new Map(saved.resources.map((each) => [keyOf(each), each]));
  const after = new Map(fresh.resources.map((each) => [keyOf(each), each]));
  const places = changesBetween({ ...saved.target }, { ...fresh.target });
  const resources = [...new Set([...before.keys(), ...after.keys()])].flatMap((urn) => {
    const [first, second] = [before.get(urn), after.get(urn)];
    if (!first) return [`${name}: ${label(second!)}: not planned, now ${second!.operation}`];
    if (!second) return begun ? [] : [`${name}: ${label(first)}: planned ${first.operation}, now no change`];
    return inResource(`${name}: ${label(first)}`, first, second);
  });
  return [...places.map((change) => `${name}: ${changeText(change)}`), ...resources];
}

/** A resource whose replacement was interrupted is in a plan twice under one URN. */
function keyOf({ urn, operation }: PlannedResource): string {
  return `${urn} ${operation === "delete"}`;
}

function inResource(label: string, saved: PlannedResource, fresh: PlannedResource): string[] {
  if (saved.operation !== fresh.operation) return [`${label}: planned ${saved.operation}, now ${fresh.operation}`];
  const [before, after] = [saved, fresh].map(
    ({ properties }) => new Map(properties.map((change) => [change.path, changeText(change)])),
  ) as [Map<string, string>, Map<string, string>];
  const lines = [...new Set([...before.keys(), ...after.keys()])].flatMap((path) => {
    const [first, second] = [before.get(path), after.get(path)];
    if (first === second) return [];
    const tail = (text: string | undefined) => text?.slice(path.length + 2) ?? "no change";
    return [`${label}: ${path}: planned ${tail(first)}, now ${tail(second)}`];
  });
  // What one line does not tell apart, such as two contents of code, differs all the same.
  if (lines.length > 0 || canonicalJson(saved) === canonicalJson(fresh)) return lines;
  return [`${label}: the ${saved.operation} is not the same any more`];
}

function label({ name, type }: PlannedResource): string {
  return `${name} (${type})`;
}
