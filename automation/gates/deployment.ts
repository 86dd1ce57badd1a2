import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import * as path from "node:path";
import type { CommandContext, Outcome } from "../commands/context";
import { userError } from "../errors";
import { requireSamePlan } from "../plan/check";
import { leftOut, planEnvironment, policyPacksOf, type PlanOptions, type Planned } from "../plan/environment";
import { planText } from "../plan/render/text";
import { viewOf } from "../plan/render/view";
import type { PlanFile } from "../plan/schema";
import { namedPlan, plansFolder, savePlan, unpackEngine } from "../plan/store";
import { planId, type EnvironmentPlan } from "../plan/types";
import { lastRecord } from "../records";
import { hasGates } from "../settings/gates";
import type { DeployOptions } from "../stacks/deploy";
import type { EnvironmentStacks } from "../stacks/environments";
import type { StackTarget } from "../stacks/target";
import { gateEnvironment, gateSettings, withApprovals } from "./run";
import { closedGates, type GateResult } from "./types";

/** What is asked of a deployment. */
export interface Request {
  /** `--plan`: deploy exactly that. A plan file, or the id of a plan of this checkout. */
  plan?: string;
  parallel?: number;
  /** Stacks that are left out, with the reason. */
  skip?: ReadonlyMap<string, string>;
  /** Only stacks of which a deployment could change something. */
  changed?: boolean;
}

/** A deployment that may go on. */
export interface Passed {
  /** The plan's digest, for records; undefined where the environment has no gates and no plan was given. */
  planDigest?: string;
  /** Constrains each stack's engine to the plan. */
  stackOptions?: (target: StackTarget) => DeployOptions;
  /** Stacks that are left out, with the reason. */
  skip: ReadonlyMap<string, string>;
}

/**
 * What comes before a deployment: its plan, the comparison with a plan that was given, and the gates. Without gates and
 * without a given plan there is nothing to do. The deployment runs inside, held to what was planned.
 *
 * @param deploy the deployment itself
 * @returns what `deploy` returns, or the outcome with exit code 3 that says which gates are closed and who opens them
 * @throws user error `PlanOutdated`, `PlanMissing`, `PlanInvalid`, `PlanOfOther`
 */
export async function throughGates(
  context: CommandContext,
  environment: EnvironmentStacks,
  request: Request,
  deploy: (passed: Passed) => Promise<Outcome>,
): Promise<Outcome> {
  const settings = gateSettings(environment);
  const given = request.plan === undefined ? undefined : await givenPlan(context.root, request.plan, environment);
  if (given === undefined && !hasGates(settings)) return deploy({ skip: request.skip ?? new Map() });
  const { parallel, changed = false, skip: known = new Map<string, string>() } = request;
  const chosen = given ? { skip: beside(given, environment) } : { skip: known, changed };
  const planned = await planEnvironment(context, environment, { settings, parallel, ...chosen });
  const skip = leftOut(planned);
  const begun = given ? await begunStacks(context, environment, given) : new Set<string>();
  if (given) requireSamePlan(given, planned.plan, begun);
  // Of a plan that was begun the rest is done under the approval of the whole.
  const plan = given ? withoutEngine(given) : planned.plan;
  const gates = await gateEnvironment(context, environment, plan, settings);
  if (closedGates(gates).length > 0) {
    const file = await savePlan(context.root, planned.plan, planned.engine);
    return closed(plan, gates, file);
  }
  const { engine } = await completed(context, environment, planned, { settings, parallel, skip });
  // What only the deployment knows is judged then, as the bare engine does it, too.
  const policyPacks = settings.policy === "stop" ? policyPacksOf(context.root, settings) : [];
  return constrained(context, { fresh: planned.plan, engine, given, begun, policyPacks }, (stackOptions) =>
    deploy({ planDigest: plan.digest, stackOptions, skip }),
  );
}

/** Just the plan: what constrains the engine is nobody's to see. */
function withoutEngine(file: PlanFile): EnvironmentPlan {
  const { engine: _, ...plan } = file;
  return plan;
}

/** Stacks on which a plan's deployment was begun before: their last record is of it. */
async function begunStacks(
  context: CommandContext,
  environment: EnvironmentStacks,
  { digest, project, stacks }: EnvironmentPlan,
): Promise<Set<string>> {
  const names = stacks.map(({ target }) => target.stack);
  return withApprovals(context, environment, async ({ store }) => {
    const records = await Promise.all(names.map((stack) => lastRecord(store, project, stack)));
    return new Set(names.filter((_, index) => records[index]?.planDigest === digest));
  });
}

/** The engine writes no update plan for a preview that violates a policy; when that was approved it is made without. */
async function completed(
  context: CommandContext,
  environment: EnvironmentStacks,
  planned: Planned,
  options: PlanOptions,
): Promise<Planned> {
  if (planned.plan.stacks.every(({ target }) => planned.engine.has(target.stack))) return planned;
  const settings = { ...options.settings, policy: "off" as const };
  const again = await planEnvironment(context, environment, { ...options, settings });
  requireSamePlan(planned.plan, again.plan);
  return again;
}

/** The outcome of a deployment that waits. */
function closed(plan: EnvironmentPlan, gates: GateResult[], file: string): Outcome {
  const shut = closedGates(gates);
  const count = shut.length === 1 ? "a gate is closed" : `${shut.length} gates are closed`;
  const text = `${planText(viewOf(plan, gates))}\n${plan.env} is not deployed: ${count}\n`;
  const message = `${count}: ${shut.map(({ gate }) => gate).join(", ")}`;
  const next = shut.find(({ approvable }) => approvable)?.opens ?? shut[0]!.opens;
  const error = { code: "GateClosed", message, next };
  return { document: { ok: false, error, plan, gates, file }, text, exitCode: 3 };
}

async function givenPlan(root: string, name: string, { env, stacks }: EnvironmentStacks): Promise<PlanFile> {
  const plan = await namedPlan(root, env, name);
  if (plan.env === env && plan.project === stacks[0]!.project) return plan;
  throw userError(
    "PlanOfOther",
    `${name} is plan ${planId(plan)} of ${plan.env} in the project ${plan.project}, not of ${env} in ${stacks[0]!.project}`,
    `tributary plan ${env} --out FILE`,
  );
}

/** Stacks that a given plan does not have: it was made with `--changed`. */
function beside(plan: PlanFile, { stacks }: EnvironmentStacks): Map<string, string> {
  const planned = new Set(plan.stacks.map(({ target }) => target.stack));
  return new Map(stacks.filter(({ name }) => !planned.has(name)).map(({ name }) => [name, "it is not in the plan"]));
}

/** What a deployment is held to. */
interface Held {
  /** The plan as it is now. */
  fresh: EnvironmentPlan;
  /** The engine's update plans of that. */
  engine: ReadonlyMap<string, string>;
  given: PlanFile | undefined;
  /** Stacks on which the given plan was begun before. */
  begun: ReadonlySet<string>;
  policyPacks: string[];
}

/**
 * Runs a deployment with the engine's update plans in files: those of the given plan, in which also secrets are as they were,
 * or, where it was begun before and a replacement may be half done, those made now.
 */
async function constrained(
  { root }: CommandContext,
  { fresh, engine, given, begun, policyPacks }: Held,
  deploy: (stackOptions: Passed["stackOptions"]) => Promise<Outcome>,
): Promise<Outcome> {
  await mkdir(plansFolder(root, fresh.env), { recursive: true });
  const folder = await mkdtemp(path.join(plansFolder(root, fresh.env), "deploy-"));
  try {
    const files = await writeEngine(folder, engine);
    const saved = given ? await unpackEngine(folder, given) : new Map<string, string>();
    for (const [stack, file] of saved) if (!begun.has(stack)) files.set(stack, file);
    return await deploy(({ stack }) => {
      const updatePlan = files.get(stack);
      const held = updatePlan === undefined ? {} : { updatePlan };
      return { ...held, ...(policyPacks.length > 0 ? { policyPacks } : {}) };
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeEngine(folder: string, engine: ReadonlyMap<string, string>): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const [stack, text] of engine) {
    const file = path.join(folder, `${files.size}.json`);
    await writeFile(file, text, { mode: 0o600 });
    files.set(stack, file);
  }
  return files;
}
