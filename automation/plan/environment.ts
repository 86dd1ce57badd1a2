import { existsSync } from "node:fs";
import { mkdir, readFile, rm } from "node:fs/promises";
import * as path from "node:path";
import type { CommandContext } from "../commands/context";
import { TributaryError } from "../errors";
import type { GateSettings } from "../settings/gates";
import type { DeployOptions } from "../stacks/deploy";
import { DeploymentFailure } from "../stacks/failure";
import type { EnvironmentStacks } from "../stacks/environments";
import { targetOf, type StackTarget } from "../stacks/target";
import { previewEnvironment, type EnvironmentOptions } from "../waves/deploy";
import { environmentFailure, type EnvironmentResult } from "../waves/results";
import { plannedBroadenings } from "./broadenings";
import { PlanCollector } from "./collect";
import { environmentPlan } from "./environmentPlan";
import { plansFolder } from "./store";
import type { EnvironmentPlan, StackPlan } from "./types";

/** How an environment is planned. */
export interface PlanOptions extends Pick<EnvironmentOptions, "parallel" | "skip" | "changed"> {
  settings: GateSettings;
  /** @default now */
  now?: Date;
}

/** Stacks of an environment that were not planned, by name, with the reason. */
export function leftOut({ result }: Pick<Planned, "result">): Map<string, string> {
  const skipped = result.stacks.filter(({ status }) => status === "skipped");
  return new Map(skipped.map(({ target, why }) => [target.stack, why ?? "it was not chosen"]));
}

/** An environment's plan, and what it takes to deploy exactly that. */
export interface Planned {
  plan: EnvironmentPlan;
  /** The engine's update plan of each stack, as it wrote it. */
  engine: Map<string, string>;
  /** What became of each preview. */
  result: EnvironmentResult;
}

/**
 * Previews all stacks of an environment at once and makes one plan of them. Nothing is changed.
 *
 * @throws TributaryError when a stack cannot be previewed, with every cause; violated policies are part of the plan
 */
export async function planEnvironment(
  context: CommandContext,
  environment: EnvironmentStacks,
  { settings, now = new Date(), ...options }: PlanOptions,
): Promise<Planned> {
  const folder = path.join(plansFolder(context.root, environment.env), `engine-${process.pid}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const collectors = new Map(environment.stacks.map((stack) => [stack.name, new PlanCollector(targetOf(stack))]));
  const policyPacks = policyPacksOf(context.root, settings);
  const stackOptions = ({ stack }: StackTarget): DeployOptions => ({
    onEvent: collectors.get(stack)!.onEvent,
    updatePlan: path.join(folder, `${stack}.json`),
    ...(policyPacks.length > 0 ? { policyPacks } : {}),
  });
  try {
    const result = await previewEnvironment(context, environment, { ...options, stackOptions });
    requirePreviews(result, collectors);
    const chosen = result.stacks.filter(({ status }) => status !== "skipped").map(({ target }) => target.stack);
    const stacks = await Promise.all(chosen.map((stack) => stackPlan(collectors.get(stack)!, settings)));
    const plan = environmentPlan(environment.env, environment.stacks[0]!.project, stacks, now);
    return { plan, engine: await readEngine(folder, chosen), result };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function stackPlan(collector: PlanCollector, settings: GateSettings): Promise<StackPlan> {
  return collector.plan(await plannedBroadenings(collector.events), settings.cost?.prices);
}

/** A preview that only policies stopped is a plan with violations; any other failure is one. */
function requirePreviews(result: EnvironmentResult, collectors: ReadonlyMap<string, PlanCollector>): void {
  const bad = result.stacks.filter(
    ({ status, target, error }) =>
      status === "not started" ||
      (status === "failed" && !(collectors.get(target.stack)!.stopped && stoppedByPolicies(error))),
  );
  if (bad.length === 0) return;
  const stacks = result.stacks.filter((stack) => stack.status !== "failed" || bad.includes(stack));
  throw environmentFailure({ ...result, stacks }, "planned", "mend the cause, then run the command again");
}

/** The engine ends such a preview with these words and blames no resource. */
function stoppedByPolicies(error: unknown): boolean {
  return error instanceof DeploymentFailure && error.failures.every(({ cause }) => cause === "preview failed");
}

/** What the engine wrote; nothing for a stack whose preview was stopped. */
async function readEngine(folder: string, stacks: string[]): Promise<Map<string, string>> {
  const texts = await Promise.all(
    stacks.map(
      async (stack) => [stack, await readFile(path.join(folder, `${stack}.json`), "utf8").catch(() => "")] as const,
    ),
  );
  return new Map(texts.filter(([, text]) => text !== ""));
}

/**
 * The policy packs of a checkout: the folder that the settings name.
 *
 * @throws TributaryError `PolicyPackMissing` when policies are to be asked and there are none
 */
export function policyPacksOf(root: string, { policy, policyPack }: GateSettings): string[] {
  if (policy === "off") return [];
  const folder = path.join(root, policyPack);
  if (existsSync(path.join(folder, "PulumiPolicy.yaml"))) return [folder];
  throw new TributaryError(
    `the policy pack ${policyPack} is not in the checkout: there is no ${policyPack}/PulumiPolicy.yaml`,
    {
      code: "PolicyPackMissing",
      source: "user",
      next: "git checkout policy, or set tributary:gates: { policy: off }",
    },
  );
}
