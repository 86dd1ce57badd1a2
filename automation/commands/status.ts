import { table } from "../cli/render/table";
import type { Values } from "../cli/specification";
import { silent } from "../events";
import { remoteState } from "../lake/remote";
import { findLocalAws } from "../local";
import { environmentNames, findEnvironment, type Environment } from "../stacks/environments";
import { countResources, outputsOf, readLocalState, type RecordedState } from "../stacks/state";
import type { CommandContext, Outcome } from "./context";

/** What is known about an environment. */
export interface EnvironmentStatus {
  env: string;
  region: string;
  stack: string;
  /**
   * `deployed`; `incomplete` after an interrupted or failed deployment; `stopped` when the local AWS does not run; `not
   * deployed`; `unknown` for an environment on AWS that was not asked for by name, because that takes an engine.
   */
  status: "deployed" | "incomplete" | "stopped" | "not deployed" | "unknown";
  /** Recorded resources, without components and providers. */
  resources: number;
  /** Of the local AWS, while it runs. */
  endpoint?: string;
  outputs: Record<string, unknown>;
}

/** `tributary status [env]` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const { root } = context;
  const named = typeof values.env === "string";
  const names = named ? [String(values.env)] : environmentNames(root);
  const environments = await Promise.all(
    names.map((name) => {
      const environment = findEnvironment(root, name);
      return environment.local ? localStatus(root, environment) : remoteStatus(root, environment, named);
    }),
  );
  return { document: { environments }, text: describe(environments, named) };
}

async function localStatus(root: string, environment: Environment): Promise<EnvironmentStatus> {
  const [state, aws] = await Promise.all([readLocalState(root, environment), findLocalAws(root)]);
  const judged = judge(state);
  const status = judged === "not deployed" || aws ? judged : "stopped";
  return { ...toStatus(environment, state, status), ...(aws ? { endpoint: aws.endpoint } : {}) };
}

async function remoteStatus(root: string, environment: Environment, named: boolean): Promise<EnvironmentStatus> {
  if (!named) return toStatus(environment, undefined, "unknown");
  const state = await remoteState(root, environment, silent);
  return toStatus(environment, state, judge(state));
}

/** What a recorded state says about the deployment that wrote it last. */
export function judge(state: RecordedState | undefined): "deployed" | "incomplete" | "not deployed" {
  if (!state || state.resources.length === 0) return "not deployed";
  return state.pending.length > 0 || outputsOf(state).rawBucket === undefined ? "incomplete" : "deployed";
}

function toStatus(
  environment: Environment,
  state: RecordedState | undefined,
  status: EnvironmentStatus["status"],
): EnvironmentStatus {
  return {
    env: environment.name,
    region: environment.region ?? "",
    stack: environment.name,
    status,
    resources: state ? countResources(state) : 0,
    outputs: state ? outputsOf(state) : {},
  };
}

/** A table of all, or one with its outputs. */
export function describe(environments: EnvironmentStatus[], detailed: boolean): string {
  const rows = environments.map(({ env, region, status, resources, endpoint }) => ({
    env,
    region,
    status,
    resources,
    endpoint: endpoint ?? null,
  }));
  const head = table(["env", "region", "status", "resources", "endpoint"], rows);
  if (!detailed) return `${head}\n`;
  const outputs = environments
    .flatMap(({ outputs }) => Object.entries(outputs))
    .flatMap(([name, value]) => flatten(name, value));
  return `${head}\n${outputs.map(([name, value]) => `${name}: ${value}\n`).join("")}`;
}

function flatten(name: string, value: unknown): [string, string][] {
  if (typeof value !== "object" || value === null) return [[name, String(value)]];
  return Object.entries(value).flatMap(([inner, each]) => flatten(`${name}.${inner}`, each));
}
