import { readFile, rm, writeFile } from "node:fs/promises";
import * as path from "node:path";
import type { Stack } from "@pulumi/pulumi/automation";
import type { CommandContext } from "../commands/context";
import { step } from "../events";
import type { LocalAws } from "../local";
import type { Engine } from "./engine";
import type { Environment } from "./environments";
import { engineFolder } from "./folders";
import { findMappings } from "./mappings";
import { applyPlan, planRecovery, unread, type Place, type RecoveryPlan } from "./recovery";
import {
  backendFolder,
  parseDeployment,
  readLocalState,
  stackType,
  type PendingOperation,
  type RecordedResource,
  type RecordedState,
} from "./state";

/** An opened stack and all that belongs to working on it. */
export interface Run {
  context: CommandContext;
  environment: Environment;
  stack: Stack;
  engine: Engine;
  aws: LocalAws | undefined;
  /** The run's settings file, where it is not the environment's own. */
  configFile?: string;
  /** Resources that the engine works on at a time. @default 4 a core */
  parallel?: number;
}

/**
 * Settles what was in flight when an engine was killed, before the next deployment: a creation that took effect in the
 * cloud but not in the state would be tried again and refused as "already exists". Such resources are put into the state by
 * the id they must have, and a refresh of just these keeps those that exist and drops the others.
 */
export async function recoverPending(interrupted: Run): Promise<void> {
  const state = await recordedState(interrupted);
  if (!state || state.pending.length + unread(state.resources).length === 0) return;
  await settle(interrupted, state, state.pending);
}

/**
 * Puts resources into the state whose creation was refused because they are there already: an engine was killed after it
 * had begun to create them and before it had written that down, or a request was sent twice because the answer to the
 * first got lost, which a busy local AWS makes happen. Only for the local environment, where everything that
 * exists is the stack's own; on AWS the resource might be somebody else's.
 *
 * @returns whether all of them are in the state now, so that the deployment can be tried again
 */
export async function adoptExisting(interrupted: Run, existing: RecordedResource[]): Promise<boolean> {
  const state = await recordedState(interrupted);
  if (!interrupted.environment.local || !state || existing.length === 0) return false;
  const pending = existing.map((resource): PendingOperation => ({ type: "creating", resource }));
  const plan = await settle(interrupted, state, pending);
  return plan.forget.length === 0;
}

async function settle(interrupted: Run, state: RecordedState, pending: PendingOperation[]): Promise<RecoveryPlan> {
  const { context, environment, aws } = interrupted;
  const place = placeOf(environment, aws, state);
  return step(context.sink, "Settle what was in flight", async (progress) => {
    progress(`${pending.length} operations were in flight`);
    const found = await findMappings(pending, place, aws);
    const plan = planRecovery(pending, place, found);
    if (pending.length > 0) await rewriteState(interrupted, plan, pending);
    const targets = [...new Set([...plan.adopt.map(({ urn }) => urn), ...plan.repeat, ...unread(state.resources)])];
    if (targets.length === 0) return plan;
    progress(`looking up ${targets.length} resources`);
    const settings = interrupted.configFile === undefined ? [] : ["--config-file", interrupted.configFile];
    await run(interrupted, [...refreshArguments(targets), ...settings]);
    return plan;
  });
}

/** The engine's command line that looks up just these resources, not the whole stack. */
export function refreshArguments(urns: string[]): string[] {
  return ["refresh", "--yes", "--skip-preview", ...urns.flatMap((urn) => ["--target", urn])];
}

/** Through the engine's own export and import, which know every backend; secrets stay encrypted on the way. */
async function rewriteState(interrupted: Run, plan: RecoveryPlan, pending: PendingOperation[]): Promise<void> {
  const { context, environment } = interrupted;
  const file = path.join(engineFolder(context.root, environment), "recovery.json");
  try {
    await writeFile(file, "", { mode: 0o600 });
    await run(interrupted, ["stack", "export", "--file", file]);
    const exported = JSON.parse(await readFile(file, "utf8")) as { deployment: object };
    await writeFile(file, JSON.stringify({ ...exported, deployment: applyPlan(exported.deployment, plan, pending) }), {
      mode: 0o600,
    });
    await run(interrupted, ["stack", "import", "--file", file]);
  } finally {
    await rm(file, { force: true });
  }
}

async function run({ context, environment, stack, engine }: Run, args: string[]): Promise<void> {
  const { workDir, envVars } = stack.workspace;
  await engine.run([...args, "--stack", environment.name], workDir, envVars, undefined, undefined, context.signal);
}

async function recordedState({ context, environment, stack }: Run): Promise<RecordedState | undefined> {
  if (backendFolder(context.root, environment) !== undefined) return readLocalState(context.root, environment);
  // In another backend an interrupted run is looked for by the engine, which costs a start.
  const exported = await stack.exportStack();
  return exported.deployment ? parseDeployment(exported.deployment) : undefined;
}

function placeOf(environment: Environment, aws: LocalAws | undefined, state: RecordedState): Place {
  const outputs = state.resources.find(({ type }) => type === stackType)?.outputs ?? {};
  const account = aws?.account ?? (typeof outputs.account === "string" ? outputs.account : "");
  const region = environment.region ?? aws?.region ?? "us-east-1";
  const partition = region.startsWith("cn-") ? "aws-cn" : region.startsWith("us-gov-") ? "aws-us-gov" : "aws";
  return { account, region, partition, endpoint: aws?.endpoint };
}
