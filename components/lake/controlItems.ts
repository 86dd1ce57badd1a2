import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { LakeSettings } from "../../automation/settings";
import type { Manifest } from "../../layer/manifest-schema";
import { MAX_RECEIVES } from "../stages/Queue";
import type { StageA } from "../stages/StageA";
import type { StageB } from "../stages/StageB";
import { timings } from "../stages/timings";
import type { Tables } from "../storage/ControlTables";
import { PIPELINE } from "../storage/tableKeys";
import { functionDefinitions, type FunctionName, functionNames } from "./functions";
import { MAX_ATTEMPTS } from "./lakeFunctions";

/** What the items tell about. */
export interface ControlItemsArgs {
  settings: LakeSettings;
  manifests: readonly Manifest[];
  tables: Tables;
  stageA: StageA;
  stageB: StageB;
}

/**
 * The items of the control tables teams, pipelines and configuration: what the program knows and other tools want to read. A
 * team has one item however many datasets it has; the lake has one of its configuration and one for each stage.
 */
export function controlItems(lake: string, args: ControlItemsArgs, opts: pulumi.CustomResourceOptions): void {
  const { settings, manifests, tables, stageA, stageB } = args;
  const put = (name: string, table: Tables[keyof Tables], keys: [string, string?], item: pulumi.Input<object>) => {
    const [hashKey, rangeKey] = keys;
    const text = pulumi.jsonStringify(
      pulumi.output(item).apply((plain) => marshalled(plain as Record<string, unknown>)),
    );
    new aws.dynamodb.TableItem(`${lake}-${name}`, { tableName: table.tableName, hashKey, rangeKey, item: text }, opts);
  };
  for (const [team, datasets] of teamsOf(manifests)) put(`team-${team}`, tables.teams, ["team"], { team, datasets });
  const stages = [
    { stage: "a", ...stageOf("stage-a", timings.stageA.machine), machine: stageA.machine.arn },
    { stage: "b", ...stageOf("stage-b", timings.stageB.machine), machine: stageB.machine.arn },
  ];
  for (const stage of stages)
    put(`pipeline-${stage.stage}`, tables.pipelines, ["pipeline", "stage"], { pipeline: PIPELINE, ...stage });
  put("configuration", tables.configuration, ["name"], { name: "lake", ...configurationOf(settings) });
}

function teamsOf(manifests: readonly Manifest[]): Map<string, string[]> {
  const teams = new Map<string, string[]>();
  for (const { team, dataset } of manifests) teams.set(team, [...(teams.get(team) ?? []), dataset].sort());
  return teams;
}

function stageOf(stage: "stage-a" | "stage-b", timeout: string) {
  const functions = functionNames.filter((name) => name.startsWith(`${stage}-`));
  return { functions, timeout, maxAttempts: MAX_ATTEMPTS, maxReceives: MAX_RECEIVES };
}

/** What of the settings decides how the lake works; nothing about who deploys it and where its state is. */
function configurationOf(settings: LakeSettings): Record<string, unknown> {
  const { lanes, batchSize, retention, architecture, packaging, bytesScannedLimit, logLevel, engines } = settings;
  const memory = (name: FunctionName) => settings.functions[name]?.memory ?? functionDefinitions[name].memory;
  return {
    ...{ lanes, batchSize, retention, architecture, packaging, bytesScannedLimit, logLevel, engines },
    memory: Object.fromEntries(functionNames.map((name) => [name, memory(name)])),
  };
}

/** A plain object in DynamoDB's own JSON; the SDK's function for it would be loaded for this alone. */
function marshalled(item: Record<string, unknown>): Record<string, unknown> {
  const set = Object.entries(item).filter(([, value]) => value !== undefined);
  return Object.fromEntries(set.map(([name, value]) => [name, attribute(value)]));
}

function attribute(value: unknown): Record<string, unknown> {
  if (typeof value === "string") return { S: value };
  if (typeof value === "number") return { N: String(value) };
  if (typeof value === "boolean") return { BOOL: value };
  if (Array.isArray(value)) return { L: value.map(attribute) };
  if (value === null) return { NULL: true };
  return { M: marshalled(value as Record<string, unknown>) };
}
