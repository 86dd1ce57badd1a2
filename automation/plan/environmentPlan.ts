import { digestOf } from "./digest";
import type { EnvironmentPlan, PlanCounts, PlannedResource, StackPlan } from "./types";

/**
 * Puts the plans of an environment's stacks together.
 *
 * @param now the time of the plan
 */
export function environmentPlan(env: string, project: string, stacks: StackPlan[], now: Date): EnvironmentPlan {
  const ordered = [...stacks].sort(
    (a, b) => a.target.wave - b.target.wave || (a.target.stack < b.target.stack ? -1 : 1),
  );
  const digest = digestOf({ env, project, stacks: ordered });
  return { version: 1, env, project, createdAt: now.toISOString(), stacks: ordered, digest };
}

/** Counts of all stacks together. */
export function totals(stacks: readonly Pick<StackPlan, "counts">[]): PlanCounts {
  const sum = (name: keyof PlanCounts) => stacks.reduce((total, { counts }) => total + counts[name], 0);
  return {
    create: sum("create"),
    update: sum("update"),
    replace: sum("replace"),
    delete: sum("delete"),
    same: sum("same"),
  };
}

/** Whether a plan changes anything. */
export function changesAnything({ stacks }: Pick<EnvironmentPlan, "stacks">): boolean {
  return stacks.some(({ resources }) => resources.length > 0);
}

/** Deletions and replacements that lose data. */
export function losses({ resources }: Pick<StackPlan, "resources">): PlannedResource[] {
  return resources.filter(({ stateful }) => stateful !== undefined);
}
