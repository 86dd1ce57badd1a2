import { table } from "../cli/render/table";
import type { Values } from "../cli/specification";
import { buildspecText, pipelinesOf, readDeliverySettings, type PipelineModel } from "../pipeline/model";
import { findPipeline } from "../pipeline/run";
import { mermaid } from "../pipeline/show/mermaid";
import { drawPipeline, startText } from "../pipeline/show/text";
import type { CommandContext, Outcome } from "./context";

/** `tributary pipeline show [name]` */
export function run({ root }: CommandContext, values: Values): Promise<Outcome> {
  const models = pipelinesOf(readDeliverySettings(root));
  const named = typeof values.name === "string" ? [findPipeline(models, values.name)] : undefined;
  const shown = named ?? models;
  const draw = values.mermaid === true ? mermaid : drawPipeline;
  const drawn = named || values.mermaid === true ? shown.map(draw).join("\n") : `${list(models)}\n`;
  const text = values.buildspecs === true && named ? `${drawn}\n${named.map(buildspecs).join("\n")}` : drawn;
  return Promise.resolve({ document: { pipelines: shown }, text });
}

function list(models: PipelineModel[]): string {
  const rows = models.map(({ name, kind, description, triggers, stages }) => ({
    pipeline: name,
    kind,
    stages: stages.length,
    does: description,
    starts: triggers.map(startText).join("; "),
  }));
  return table(["pipeline", "kind", "stages", "does", "starts"], rows);
}

function buildspecs({ stages }: PipelineModel): string {
  const texts = stages.flatMap(({ name, actions }) =>
    actions.flatMap((action) =>
      action.kind === "build" ? [`# ${name}: ${action.name}\n${buildspecText(action.buildspec)}`] : [],
    ),
  );
  return texts.join("\n");
}
