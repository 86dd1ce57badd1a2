import { existsSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { parse } from "yaml";
import { userError } from "../../errors";
import { isRecord } from "../../json";
import { DELIVERY, parseDeliverySettings, type DeliverySettings, type DeliveryStackSettings } from "../../settings";
import { applicationPipeline, layerPipeline } from "./application";
import { branchPipelines } from "./branches";
import { checksPipeline } from "./checks";
import { releasePipelines } from "./releases";
import type { PipelineModel } from "./types";

export { layerPipelineName } from "./application";
export { buildPhases, buildspecText } from "./buildspec";
export type { BuildArtifact, BuildPhase, BuildPhaseName, BuildReport, Buildspec } from "./buildspec";
export { definitionOf, environmentsBeside, updateSources, updatesPipelines } from "./definition";
export { branchPipelineName, canHavePipeline } from "./branches";
export { chooseReleaseTag, parseReleaseTag, releaseTagPatterns, type ReleaseTag } from "./tags";
export type * from "./types";

/**
 * All pipelines that the settings ask for, in the order of their names in the file; each with its layer's, its pull requests',
 * its tags' and its branches' behind it. Pure: the same settings always give the same pipelines.
 *
 * @throws user error `PipelineNameTaken` when two would have the same name
 */
export function pipelinesOf(settings: DeliverySettings): PipelineModel[] {
  const models = Object.keys(settings.pipelines).flatMap((name) => {
    const layer = layerPipeline(settings, name);
    const application = applicationPipeline(settings, name);
    const checks = checksPipeline(settings, name);
    const more = [...(checks ? [checks] : []), ...releasePipelines(settings, name), ...branchPipelines(settings, name)];
    return [...(layer ? [layer] : []), application, ...more];
  });
  const twice = models.find(({ name }, index) => models.findIndex((other) => other.name === name) !== index);
  if (!twice) return models;
  throw userError(
    "PipelineNameTaken",
    `two pipelines would be named ${twice.name}: one of tributary:pipelines has the name that another one's layer, checks, release or branch pipeline gets`,
    "give that pipeline another name in Pulumi.delivery.yaml",
  );
}

/** The settings file of the stack `delivery`. */
export const deliveryFile = `Pulumi.${DELIVERY}.yaml`;

/**
 * The delivery settings of a checkout, without an engine.
 *
 * @throws user error `DeliveryMissing` without the file, `UnreadableSettings`, `InvalidSettings`
 */
export function readDeliverySettings(root: string): DeliveryStackSettings {
  const file = path.join(root, deliveryFile);
  if (!existsSync(file)) {
    const message = `there is no file ${deliveryFile} in ${root}; it says which pipelines there are`;
    throw userError("DeliveryMissing", message, "docs/delivery.md shows one");
  }
  return readDelivery(readFileSync(file, "utf8"), deliveryFile, projectOf(root));
}

/**
 * Delivery settings as they stand in a text, such as that of another commit.
 *
 * @param text YAML
 * @param file its name, for messages
 * @throws user error `UnreadableSettings`, `InvalidSettings`
 */
export function readDelivery(text: string, file = deliveryFile, project = "tributary"): DeliveryStackSettings {
  const config = section(readYaml(text, file).config);
  const values = Object.entries(config).map(([key, value]): [string, string] => [
    key,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  return parseDeliverySettings({ project, stack: DELIVERY, values: Object.fromEntries(values) });
}

function projectOf(root: string): string {
  const file = path.join(root, "Pulumi.yaml");
  const { name } = existsSync(file) ? readYaml(readFileSync(file, "utf8"), "Pulumi.yaml") : {};
  return typeof name === "string" ? name : "tributary";
}

function readYaml(text: string, file: string): Record<string, unknown> {
  try {
    return section(parse(text));
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw userError("UnreadableSettings", `${file} cannot be read as YAML: ${reason}`, `mend ${path.basename(file)}`);
  }
}

const section = (value: unknown): Record<string, unknown> => (isRecord(value) ? value : {});
