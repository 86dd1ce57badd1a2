/** What was changed in the cloud beside the engine, and how to bring it back: docs/drift.md. */
import type { CommandContext } from "../commands/context";
import { TributaryError, userError } from "../errors";
import { step } from "../events";
import { Backends } from "../selection/backends";
import { summarize } from "../selection/state";
import { failure } from "../stacks/failure";
import type { Environment, EnvironmentStacks } from "../stacks/environments";
import { EngineListener } from "../stacks/progress";
import { onStack, type Session } from "../stacks/session";
import { deployEnvironment, previewEnvironment, runEnvironment, type EnvironmentOptions } from "../waves/deploy";
import { environmentFailure, type EnvironmentResult } from "../waves/results";
import { DriftListener, type DriftedResource, type IgnoredDrift } from "./detect";

export type { DriftedProperty, DriftedResource, IgnoredDrift } from "./detect";

/** What was found of one stack. */
export interface StackDrift {
  /** Resources that were looked up in the cloud. */
  looked: number;
  /** Those that are not as recorded, in the order of their URNs. */
  resources: DriftedResource[];
  /** What looks changed and is not; only on the local AWS. */
  ignored: IgnoredDrift[];
}

/** How drift is looked for. */
export type DriftOptions = Pick<EnvironmentOptions, "parallel" | "skip">;

/**
 * Looks up every recorded resource of an environment in the cloud, and changes nothing: neither there nor in the state.
 *
 * @throws TributaryError `NotDeployed`, and what stops everything; a stack that fails is in the result
 */
export async function findDrift(
  context: CommandContext,
  environment: EnvironmentStacks,
  options: DriftOptions = {},
): Promise<EnvironmentResult<StackDrift>> {
  const stacks = environment.stacks.filter(({ name }) => !options.skip?.has(name));
  const recorded = await recordedResources(context, stacks);
  const work = (session: Session, stack: Environment) => driftOf(session, stack, recorded.get(stack.name) ?? 0);
  return runEnvironment(context, environment, `drift ${environment.env}`, options, [environment.stacks], work);
}

async function driftOf(session: Session, environment: Environment, expected: number): Promise<StackDrift> {
  return onStack(session, environment, {}, async ({ stack, engine, configFile, context }) => {
    let listener = new DriftListener(() => undefined, environment.local);
    // The one that knows what an engine says when it fails.
    const failures = new EngineListener(() => undefined);
    await step(
      context.sink,
      `Compare ${environment.name} with the cloud`,
      async (progress) => {
        listener = new DriftListener(progress, environment.local, expected);
        const file = configFile === undefined ? {} : { configFile };
        const onEvent: typeof listener.onEvent = (event) => (failures.onEvent(event), listener.onEvent(event));
        try {
          await stack.previewRefresh({ onEvent, signal: context.signal, color: "never", ...file });
        } catch (error) {
          throw failure(environment, "compared with the cloud", failures.failures, error, engine.lastLog);
        }
      },
      environment.name,
    );
    const resources = listener.resources.sort((a, b) => (a.urn < b.urn ? -1 : 1));
    return { looked: listener.count, resources, ignored: listener.ignored };
  });
}

/**
 * How many resources of each stack are recorded; 0 when only an engine can tell.
 *
 * @throws TributaryError `NotDeployed`, `DriftUndecided`
 */
async function recordedResources(context: CommandContext, stacks: Environment[]): Promise<Map<string, number>> {
  const backends = new Backends(context);
  try {
    const counts = stacks.map(async (stack) => [stack.name, await resourcesOf(backends, stack)] as const);
    return new Map(await Promise.all(counts));
  } finally {
    backends.close();
  }
}

async function resourcesOf(backends: Backends, stack: Environment): Promise<number> {
  const { name, env } = stack;
  if ((await backends.of(stack)).engine === undefined) return 0;
  const text = await backends.stateText(stack);
  const state = text === undefined ? undefined : summarize(text);
  if (state === undefined) {
    throw new TributaryError(`${name} is not deployed, so nothing of it can have changed`, {
      code: "NotDeployed",
      next: `tributary deploy ${env}`,
    });
  }
  if (state.pending === 0) return state.resources;
  const message = `${name} cannot be compared with the cloud: an interrupted run left ${state.pending} operation(s) in flight`;
  throw new TributaryError(message, { code: "DriftUndecided", next: `tributary deploy ${env} settles them` });
}

/** What a mend did. */
export interface Mending {
  /** What was found first. */
  before: EnvironmentResult<StackDrift>;
  /** What is still otherwise; nothing when all is well. Undefined when there was nothing to mend. */
  after: EnvironmentResult<StackDrift> | undefined;
}

/**
 * Brings everything that was changed or deleted beside the engine back to what is deployed, and looks again. Refuses where a deployment
 * of the checkout as it is would change more than that.
 *
 * @throws user error `MendDeploysMore`; TributaryError of runs that fail
 */
export async function mendDrift(
  context: CommandContext,
  environment: EnvironmentStacks,
  options: DriftOptions = {},
): Promise<Mending> {
  const before = await findDrift(context, environment, options);
  if (!before.ok) throw environmentFailure(before, "compared with the cloud");
  const clean = before.stacks.filter(({ result }) => (result?.resources.length ?? 0) === 0);
  if (clean.length === before.stacks.length) return { before, after: undefined };
  const skip = new Map(clean.map(({ target }) => [target.stack, "nothing of it changed"]));
  await refuseMore(context, environment, { ...options, skip });
  const mended = await deployEnvironment(context, environment, {
    ...options,
    skip,
    kind: "mend",
    stackOptions: () => ({ refresh: true }),
  });
  if (!mended.ok) throw environmentFailure(mended, "mended");
  const after = await findDrift(context, environment, { ...options, skip });
  if (!after.ok) throw environmentFailure(after, "compared with the cloud");
  return { before, after };
}

/** A mend deploys what the checkout says: that has to be what is deployed. */
async function refuseMore(
  context: CommandContext,
  environment: EnvironmentStacks,
  options: DriftOptions,
): Promise<void> {
  const planned = await previewEnvironment(context, environment, options);
  if (!planned.ok) throw environmentFailure(planned, "planned");
  const more = planned.stacks.flatMap(({ target, result }) =>
    (result?.resources ?? []).map(({ operation, name }) => `${target.stack}: ${operation} ${name}`),
  );
  if (more.length === 0) return;
  const shown = more.slice(0, 5).join("\n  ");
  const rest = more.length > 5 ? `\n  and ${more.length - 5} more` : "";
  throw userError(
    "MendDeploysMore",
    `the checkout is not what is deployed in ${environment.env}: mending would deploy that, too:\n  ${shown}${rest}`,
    `check out the revision that is deployed (tributary history ${environment.env}), or deploy this one first: tributary deploy ${environment.env}`,
  );
}
