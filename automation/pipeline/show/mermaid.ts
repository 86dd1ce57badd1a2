import type { ActionModel, PipelineModel, StageModel } from "../model";

/** A pipeline as a Mermaid flowchart. */
export function mermaid(model: PipelineModel): string {
  const sources = model.sources.map(({ name }, index) => `    source_${index}([${label(name)}])`);
  const stages = model.stages.map((stage, index) => drawStage(stage, index));
  const names = ["sources", ...model.stages.map((_, index) => `stage_${index}`)];
  const edges = names.slice(1).map((name, index) => `  ${names[index]} -->${edgeLabel(model.stages[index]!)} ${name}`);
  return ["flowchart TD", "  subgraph sources [Source]", ...sources, "  end", ...stages, ...edges, ""].join("\n");
}

function edgeLabel({ condition }: StageModel): string {
  return condition === undefined ? "" : `|${label(`${condition.variable} = ${condition.equals}`)}|`;
}

function drawStage({ name, actions }: StageModel, index: number): string {
  const nodes = actions.map((action, at) => `    action_${index}_${at}${shape(action)}`);
  const orders = [...new Set(actions.map(({ runOrder }) => runOrder))].sort((a, b) => a - b);
  const edges = orders.slice(1).flatMap((order, at) => {
    const [from, to] = [orders[at]!, order].map((each) =>
      actions.flatMap(({ runOrder }, position) => (runOrder === each ? [`action_${index}_${position}`] : [])),
    );
    return from!.flatMap((one) => to!.map((other) => `    ${one} --> ${other}`));
  });
  return [`  subgraph stage_${index} [${label(name)}]`, ...nodes, ...edges, "  end"].join("\n");
}

function shape({ kind, name }: ActionModel): string {
  if (kind === "approval") return `{${label(name)}}`;
  return kind === "publish" ? `[/${label(name)}/]` : `[${label(name)}]`;
}

/** Text that Mermaid takes as it is, whatever is in it. */
function label(text: string): string {
  const escaped = text
    .replaceAll("&", "#amp;")
    .replaceAll('"', "#quot;")
    .replaceAll("<", "#lt;")
    .replaceAll(">", "#gt;");
  return `"${escaped.replace(/\s+/g, " ")}"`;
}
