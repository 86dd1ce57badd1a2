import * as path from "node:path";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { table } from "../cli/render/table";
import { oneLine } from "../cli/render/text";
import type { Values } from "../cli/specification";
import { userError } from "../errors";
import { step } from "../events";
import { clientsOf } from "../pipeline/steps/clients";
import { packLayer, publishLayers, type PublishedLayer } from "../pipeline/steps/layers";
import { writeVariables } from "../pipeline/steps/variables";
import { isRegion } from "../settings/values";
import { environmentStacks } from "../stacks/environments";
import type { CommandContext, Outcome } from "./context";

/** `tributary distribute layers <env>` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const { stacks } = environmentStacks(context.root, String(values.env));
  const regions = listOf(values.regions, "regions", isRegion, "AWS regions, e.g. eu-west-1,eu-central-1");
  const runtimes = listOf(
    values.runtimes,
    "runtimes",
    (text) => /^[a-z0-9.]{3,20}$/.test(text),
    "runtimes, e.g. nodejs22.x",
  );
  const name = String(values.name);
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(name)) {
    throw userError("WrongUsage", `--name: found ${JSON.stringify(name)}; allowed: up to 64 letters, digits, - and _`);
  }
  const archive = await packLayer(path.resolve(context.root, String(values.folder)));
  const { settings, close } = await clientsOf(context.root, stacks[0]!);
  const clients = new Map(regions.map((region) => [region, new LambdaClient({ ...settings, region })]));
  try {
    const layers = await step(context.sink, `Publish the layer ${name} in ${regions.length} regions`, () =>
      publishLayers(regions, { name, archive, runtimes }, (region) => clients.get(region)!),
    );
    if (typeof values.variables === "string") await writeVariables(values.variables, arnsOf(layers));
    return outcome(name, archive.digest, layers);
  } finally {
    for (const client of clients.values()) client.destroy();
    close();
  }
}

function outcome(name: string, digest: string, layers: PublishedLayer[]): Outcome {
  const rows = layers.map(({ region, result, arn, error }) => ({
    region,
    result,
    version: arn ?? oneLine(error ?? ""),
  }));
  const text = `${table(["region", "result", "version"], rows)}\n`;
  const failed = layers.filter(({ result }) => result === "failed");
  const document = { name, digest, layers };
  if (failed.length === 0) return { document: { ok: true, ...document }, text };
  const message = failed.map(({ region, error }) => `${region}: ${error}`).join("; ");
  const error = {
    code: "LayerNotPublished",
    message,
    next: "run it again: regions that have it get no second version",
  };
  return {
    document: { ok: false, error, ...document },
    text: `${text}error LayerNotPublished: ${message}\nnext: ${error.next}\n`,
    exitCode: 1,
  };
}

/** One variable a region, e.g. `LAYER_EU_WEST_1`. */
function arnsOf(layers: PublishedLayer[]): Record<string, string> {
  const entries = layers.map(({ region, arn }) => [`LAYER_${region.toUpperCase().replaceAll("-", "_")}`, arn ?? ""]);
  return Object.fromEntries(entries) as Record<string, string>;
}

function listOf(value: Values[string], flag: string, accepts: (text: string) => boolean, allowed: string): string[] {
  const given = String(value)
    .split(",")
    .map((each) => each.trim());
  if (given.every(accepts) && new Set(given).size === given.length) return given;
  throw userError("WrongUsage", `--${flag}: found ${JSON.stringify(String(value))}; allowed: different ${allowed}`);
}
