import type { PipelineModel } from "../model";

/** Environments that a pipeline works on. */
export function environmentsOf({ stages }: PipelineModel): string[] {
  const actions = stages.flatMap((stage) => stage.actions);
  const names = actions.flatMap((action) =>
    action.kind === "build" && action.role.kind === "environment" ? [action.role.environment] : [],
  );
  return [...new Set(names)].sort();
}
