/** Back to an earlier deployment record: images by digest, settings, and the program's revision. docs/records.md tells how. */
import type { CommandContext } from "../commands/context";
import { userError } from "../errors";
import { history, programRevision, type Deployment, type ProgramRevision, type UnreadableRecord } from "../records";
import { Backends } from "../selection/backends";
import type { DeployOptions } from "../stacks/deploy";
import type { Environment, EnvironmentStacks } from "../stacks/environments";
import { stackSettings } from "../stacks/settingsFile";
import type { StackTarget } from "../stacks/target";
import { deployEnvironment, type Deployed } from "../waves/deploy";
import type { EnvironmentResult } from "../waves/results";
import { differences, type Difference } from "./difference";
import { programOf, type RevisionProgram } from "./program";
import { adapted, runSettingsOf } from "./settings";
import { chooseRollback, type StackRollback } from "./targets";

export type { Difference } from "./difference";
export { revisionText } from "./difference";
export type { StackRollback } from "./targets";

/** What a rollback is to do. */
export interface RollbackOptions {
  /** Id of a record, or of a command's run. @default what was there before the newest command */
  to?: string;
  /** Only these stacks. @default all */
  only?: ReadonlySet<string>;
  /** Most stacks at a time. */
  parallel?: number;
}

/** A stack's rollback, and what it changes. */
export interface PlannedRollback extends StackRollback {
  differences: Difference[];
}

/** What a rollback would do. */
export interface RollbackPlan {
  env: string;
  stacks: PlannedRollback[];
  /** Files among the records that could not be read. */
  unreadable: UnreadableRecord[];
}

/**
 * Says what a rollback would do, from the deployment records. Starts no engine.
 *
 * @throws user errors `RecordUnknown`, `NothingToRollBack`; TributaryError `BackendUnreachable`
 */
export async function planRollback(
  context: CommandContext,
  { env, stacks }: EnvironmentStacks,
  { to, only }: RollbackOptions = {},
): Promise<RollbackPlan> {
  const { records, unreadable } = await recordsOf(context, stacks);
  const chosen = chooseRollback(records, to);
  if (!chosen) {
    const known = records
      .flatMap(({ deployments }) => deployments.slice(0, 3).map(({ id }) => id))
      .sort()
      .reverse();
    const message = `no deployment of ${env} has the record "${to?.slice(0, 80)}"; the newest are: ${known.slice(0, 5).join(", ") || "none"}`;
    throw userError("RecordUnknown", message, `tributary history ${env}`);
  }
  const planned = chosen.map((each, index): PlannedRollback => {
    const left = only && !only.has(each.stack) && each.to;
    const own = left ? { stack: each.stack, present: each.present, why: "it was left out" } : each;
    return { ...own, differences: differences(own, records[index]!.deployments) };
  });
  if (planned.some((each) => each.to)) return { env, stacks: planned, unreadable };
  const reasons = planned.map(({ stack, why }) => `${stack}: ${why}`).join("; ");
  throw userError(
    "NothingToRollBack",
    `there is nothing to roll back in ${env}: ${reasons}`,
    `tributary history ${env}`,
  );
}

async function recordsOf(context: CommandContext, stacks: Environment[]) {
  const backends = new Backends(context);
  try {
    const found = await Promise.all(
      stacks.map(async (stack) => {
        const { files } = await backends.of(stack);
        return { stack: stack.name, ...(await history(files, stack.project, [stack.name])) };
      }),
    );
    return { records: found, unreadable: found.flatMap(({ unreadable }) => unreadable) };
  } finally {
    backends.close();
  }
}

/**
 * Brings an environment back to earlier deployment records: deploys each record's images, settings and program again, wave by
 * wave, and records that as a rollback. Nobody's settings file is changed.
 *
 * @param announce told what will be done, before anything is
 * @returns what was planned, and what became of each stack
 * @throws as {@link planRollback}; user errors `RevisionDirty`, `RevisionUnknown`; TributaryError `RevisionUnusable`
 */
export async function rollbackEnvironment(
  context: CommandContext,
  environment: EnvironmentStacks,
  options: RollbackOptions = {},
  announce: (plan: RollbackPlan) => void = () => undefined,
): Promise<{ plan: RollbackPlan; result: EnvironmentResult<Deployed> }> {
  const plan = await planRollback(context, environment, options);
  announce(plan);
  const runs = await preparedRuns(context, environment, plan);
  const of = ({ stack }: StackTarget) => runs.get(stack);
  const skip = new Map(plan.stacks.flatMap(({ stack, why }) => (why === undefined ? [] : [[stack, why] as const])));
  const then = environment.stacks.map((stack) => adapted(stack, runs.get(stack.name)?.record));
  const byName = new Map(then.map((stack) => [stack.name, stack]));
  const waves = environment.waves.map((wave) => wave.map(({ name }) => byName.get(name)!));
  const result = await deployEnvironment(
    context,
    { ...environment, stacks: then, waves },
    {
      kind: "rollback",
      all: true,
      skip,
      stackOptions: (target) => of(target)?.options ?? {},
      rollbackTo: (target) => of(target)?.record.id,
      revision: (target) => of(target)?.revision,
      ...(options.parallel === undefined ? {} : { parallel: options.parallel }),
    },
  );
  return { plan, result };
}

interface PreparedRun {
  record: Deployment;
  revision: ProgramRevision;
  options: Pick<DeployOptions, "program" | "settings">;
}

/** Programs first: when one of them cannot be had, nothing is touched. */
async function preparedRuns(
  context: CommandContext,
  { stacks }: EnvironmentStacks,
  plan: RollbackPlan,
): Promise<Map<string, PreparedRun>> {
  const current = await programRevision(context.root);
  const programs = new Map<string, RevisionProgram>();
  const runs = new Map<string, PreparedRun>();
  for (const { stack: name, to: record } of plan.stacks) {
    const stack = stacks.find((each) => each.name === name);
    if (!record || !stack) continue;
    const key = record.revision.program;
    const known = programs.get(key) ?? (await programOf(context.root, record, current, context.sink));
    programs.set(key, known);
    const settings = runSettingsOf(record, await stackSettings(stack));
    const options = { settings, ...(known.program ? { program: known.program } : {}) };
    runs.set(name, { record, revision: known.revision, options });
  }
  return runs;
}
