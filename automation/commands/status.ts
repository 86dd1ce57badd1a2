import { table } from "../cli/render/table";
import type { Values } from "../cli/specification";
import { silent } from "../events";
import { remoteState } from "../lake/remote";
import { findLocalAws, type LocalAws } from "../local";
import { environmentNames, environmentStacks, type Environment } from "../stacks/environments";
import { countResources, outputsOf, readLocalState, type RecordedState } from "../stacks/state";
import { readState } from "../stacks/stateReader";
import type { CommandContext, Outcome } from "./context";

/** What is known about a stack: an environment in one region. */
export interface EnvironmentStatus {
  env: string;
  region: string;
  stack: string;
  /** Wave that it is deployed in, from 0. */
  wave: number;
  /**
   * `deployed`; `incomplete` after an interrupted or failed deployment; `stopped` when the local AWS does not run; `not
   * deployed`; `unknown` where its backend does not answer, or only an engine could read it and it was not asked for by name.
   */
  status: "deployed" | "incomplete" | "stopped" | "not deployed" | "unknown";
  /** Recorded resources, without components and providers. */
  resources: number;
  /** Of the local AWS, while it runs. */
  endpoint?: string;
  outputs: Record<string, unknown>;
}

/** Longest wait for a backend that was not asked for by name (ms). */
const patience = 8_000;

/** `tributary status [env]` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const { root } = context;
  const named = typeof values.env === "string";
  const [name, region] = splitName(String(values.env ?? ""));
  const names = named ? [name] : environmentNames(root);
  const stacks = names
    .flatMap((each) => environmentStacks(root, each, named ? String(values.env) : each).stacks)
    .filter((stack) => region === undefined || stack.region === region);
  const aws = stacks.some(({ local }) => local) ? await findLocalAws(root) : undefined;
  const environments = await Promise.all(
    stacks.map((stack) => (stack.local ? localStatus(root, stack, aws) : remoteStatus(root, stack, named))),
  );
  return { document: { environments }, text: describe(environments, named) };
}

/** `dev.us-east-1` as environment and region. */
function splitName(name: string): [string, string | undefined] {
  const dot = name.indexOf(".");
  return dot < 0 ? [name, undefined] : [name.slice(0, dot), name.slice(dot + 1)];
}

async function localStatus(root: string, stack: Environment, aws: LocalAws | undefined): Promise<EnvironmentStatus> {
  const state = await readLocalState(root, stack);
  const judged = judge(state);
  const status = judged === "not deployed" || aws ? judged : "stopped";
  return { ...toStatus(stack, state, status), ...(aws ? { endpoint: aws.endpoint } : {}) };
}

async function remoteStatus(root: string, stack: Environment, named: boolean): Promise<EnvironmentStatus> {
  if (named) {
    const state = await remoteState(root, stack, silent);
    return toStatus(stack, state, judge(state));
  }
  const late = new Promise<"unreadable">((resolve) => setTimeout(() => resolve("unreadable"), patience).unref());
  const reading = await Promise.race([readState(root, stack).catch(() => "unreadable" as const), late]);
  if (reading === "unreadable") return toStatus(stack, undefined, "unknown");
  return toStatus(stack, reading.state, judge(reading.state));
}

/** What a recorded state says about the deployment that wrote it last. */
export function judge(state: RecordedState | undefined): "deployed" | "incomplete" | "not deployed" {
  if (!state || state.resources.length === 0) return "not deployed";
  return state.pending.length > 0 || outputsOf(state).rawBucket === undefined ? "incomplete" : "deployed";
}

function toStatus(
  stack: Environment,
  state: RecordedState | undefined,
  status: EnvironmentStatus["status"],
): EnvironmentStatus {
  return {
    env: stack.env,
    region: stack.region ?? "",
    stack: stack.name,
    wave: stack.wave,
    status,
    resources: state ? countResources(state) : 0,
    outputs: state ? outputsOf(state) : {},
  };
}

/** A table of all, or one environment with the outputs of its stacks. */
export function describe(environments: EnvironmentStatus[], detailed: boolean): string {
  const several = new Set(environments.map(({ env }) => env)).size < environments.length;
  const head = several && !detailed ? matrix(environments) : list(environments);
  if (!detailed) return `${head}\n`;
  const outputs = environments.flatMap(({ stack, outputs }) => {
    const lines = Object.entries(outputs).flatMap(([name, value]) => flatten(name, value));
    return several && lines.length > 0 ? [["", ""], [stack, ""], ...lines] : lines;
  });
  return `${head}\n${outputs.map(([name, value]) => (value === "" ? `${name}\n` : `${name}: ${value}\n`)).join("")}`;
}

function list(environments: EnvironmentStatus[]): string {
  const rows = environments.map(({ env, region, status, resources, endpoint }) => ({
    env,
    region,
    status,
    resources,
    endpoint: endpoint ?? null,
  }));
  return table(["env", "region", "status", "resources", "endpoint"], rows);
}

/** Environments by regions: the status of each stack and how many resources it has. */
function matrix(environments: EnvironmentStatus[]): string {
  const regions = [...new Set(environments.map(({ region }) => region))];
  const names = [...new Set(environments.map(({ env }) => env))];
  const cell = (env: string, region: string) => {
    const found = environments.find((each) => each.env === env && each.region === region);
    if (!found) return "";
    const count = found.resources > 0 ? ` (${found.resources})` : "";
    return `${found.status}${count}`;
  };
  const rows = names.map((env) => ({
    env,
    ...Object.fromEntries(regions.map((region) => [region, cell(env, region)])),
  }));
  return table(["env", ...regions], rows);
}

function flatten(name: string, value: unknown): [string, string][] {
  if (typeof value !== "object" || value === null) return [[name, String(value)]];
  return Object.entries(value).flatMap(([inner, each]) => flatten(`${name}.${inner}`, each));
}
