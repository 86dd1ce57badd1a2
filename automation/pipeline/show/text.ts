import type {
  ActionModel,
  ExecutionMode,
  PipelineModel,
  SourceModel,
  StageModel,
  TriggerFilter,
  TriggerModel,
} from "../model";

/** A pipeline as a drawing of lines: sources, then the stages from top to bottom, in each the actions that run side by side. */
export function drawPipeline(model: PipelineModel): string {
  const head = [
    `${model.name} (${model.kind}): ${model.description}`,
    ...model.triggers.map((each) => `  starts ${startText(each)}`),
  ];
  const variables = model.variables.map(({ name, default: value }) => `  variable ${name} = ${value}`);
  const boxes = [box("Source", model.sources.map(sourceText)), ...model.stages.map(drawStage)];
  return [...head, `  ${modes[model.executionMode]}`, ...variables, "", boxes.join("\n    │\n    ▼\n"), ""].join("\n");
}

const modes: Readonly<Record<ExecutionMode, string>> = {
  QUEUED: "one run waits for the other",
  SUPERSEDED: "a newer run takes the place of one that waits",
  PARALLEL: "runs go side by side",
};

function drawStage(stage: StageModel): string {
  const orders = [...new Set(stage.actions.map(({ runOrder }) => runOrder))].sort((a, b) => a - b);
  const lines = orders.flatMap((order, index) => {
    const actions = stage.actions.filter(({ runOrder }) => runOrder === order);
    const joint = (at: number) => (actions.length === 1 ? " " : at === 0 ? "┌" : at === actions.length - 1 ? "└" : "├");
    const drawn = actions.map((action, at) => `${joint(at)} ${actionText(action)}`);
    return index === 0 ? drawn : ["↓", ...drawn];
  });
  return box(stage.name, [...conditionText(stage), ...lines, ...afterText(stage)]);
}

function conditionText({ condition }: StageModel): string[] {
  if (condition === undefined) return [];
  const otherwise = condition.otherwise === "skip" ? "else skipped" : "else the run fails";
  return [`only if ${condition.variable} = ${condition.equals}, ${otherwise}`];
}

function afterText({ retry, rollback }: StageModel): string[] {
  if (retry) return [`failed: once more, ${retry.mode === "ALL_ACTIONS" ? "all actions" : "the failed actions"}`];
  return rollback ? ["failed: back to what its last success had"] : [];
}

/** An action in a line. */
export function actionText(action: ActionModel): string {
  switch (action.kind) {
    case "approval":
      return `◇ ${action.name}: a person approves (${action.environment})`;
    case "publish":
      return `⇢ ${action.name}: publishes ${action.input}`;
    case "build": {
      const role = action.role.kind === "environment" ? `as ${action.role.environment}` : `as ${action.role.kind}`;
      const gives = [
        ...(action.outputs.length > 0 ? [`makes ${action.outputs.join(", ")}`] : []),
        ...(action.reports.length > 0 ? [`reports ${action.reports.join(", ")}`] : []),
      ];
      return [`■ ${action.name}: ${role}, ${action.compute}`, ...gives].join(", ");
    }
  }
}

function sourceText(source: SourceModel): string {
  if (source.kind === "published") return `● ${source.name}: what ${source.pipeline} publishes`;
  const branch = source.branch === undefined ? "" : ` of ${source.branch}`;
  return `● ${source.name}: ${source.repository}${branch} (${source.provider})`;
}

/** What starts a pipeline, in words. */
export function startText(trigger: TriggerModel): string {
  switch (trigger.on) {
    case "schedule":
      return `every ${trigger.every}`;
    case "published":
      return `when ${trigger.source} has something new`;
    case "push": {
      const parts = [
        filterText("to", trigger.branches),
        filterText("of tag", trigger.tags),
        filterText("in", trigger.paths),
      ];
      return ["on a push", ...parts.filter(Boolean)].join(" ");
    }
    case "pull-request": {
      const parts = [filterText("to", trigger.branches), filterText("in", trigger.paths)];
      return [`on a pull request (${trigger.events.join(", ").toLowerCase()})`, ...parts.filter(Boolean)].join(" ");
    }
  }
}

function filterText(word: string, filter: TriggerFilter | undefined): string {
  const { includes = [], excludes = [] } = filter ?? {};
  const inside = includes.length > 0 ? `${word} ${includes.join(", ")}` : "";
  const outside = excludes.length > 0 ? `not ${word} ${excludes.join(", ")}` : "";
  return [inside, outside].filter(Boolean).join(", ");
}

/** A box around lines of any width. */
function box(title: string, lines: string[]): string {
  const width = Math.max(title.length + 2, ...lines.map((line) => line.length));
  const top = `┌─ ${title} ${"─".repeat(width - title.length - 1)}┐`;
  return [top, ...lines.map((line) => `│ ${line.padEnd(width)} │`), `└${"─".repeat(width + 2)}┘`].join("\n");
}
