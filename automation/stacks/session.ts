import type { PulumiFn } from "@pulumi/pulumi/automation";
import type { CommandContext } from "../commands/context";
import { openBackend } from "../backend";
import { localAwsAs, localAwsDied } from "../local";
import { requireStates } from "../pipeline/ready";
import { keptBranches } from "../pipeline/update/kept";
import { recordableSettings, recordedWork, type Beginning, type UnderGuard, type WorkEnding } from "../records";
import { checkAccounts, roleVariables } from "../waves/accounts";
import { removeCutOffAttributes } from "./attributes";
import type { Environment } from "./environments";
import { exclusively, together } from "./exclusive";
import { engineFolder, localAwsFolder, lockFolder } from "./folders";
import { endLeftEngine } from "./locks";
import { forgetLostState, prepare, prepareCommon, prepareStack, type Common, type Prepared } from "./prepare";
import type { Run } from "./recover";
import { runSettings } from "./settingsFile";
import { backendFolder } from "./state";
import { targetOf } from "./target";
import { openStack } from "./workspace";
import { noChanges } from "./progress";

/** An environment that this command has for itself, with everything that its stacks share made ready. */
export interface Session {
  context: CommandContext;
  common: Common;
  /** Makes ready what one stack needs beside that; to be given to {@link onStack}. */
  prepared(stack: Environment): Promise<Prepared>;
  /** What the engine of a stack gets beside this process's variables: of the local AWS, of its role. */
  variables(stack: Environment): Promise<Record<string, string>>;
}

/**
 * Takes an environment for one command: no other driver works on it meanwhile, the account is the right one, toolchain, local
 * AWS and packaged code are there. Everything is done once, whatever the number of stacks.
 *
 * @param stacks of one environment; at least one
 * @param command what is being done, for the message that another command gets
 * @param options whether the program is run; only then its code is packed
 * @throws TributaryError `EnvironmentBusy`, `StateOutOfReach`, `WrongAccount`, `RoleNotAssumed`, and those of the preparations
 */
export async function withSession<T>(
  context: CommandContext,
  stacks: Environment[],
  command: string,
  work: (session: Session) => Promise<T>,
  { program = true }: { program?: boolean } = {},
): Promise<T> {
  const [first] = stacks as [Environment];
  if (program && first.pipelines && !first.local) requireStates(context.root);
  return exclusively(lockFolder(context.root, first), command, () =>
    beside(context.root, first, command, async () => {
      const cloud = first.local ? undefined : await checkAccounts(stacks);
      const single = program && stacks.length === 1 ? await prepare(context, first) : undefined;
      try {
        const common = single ?? (await prepareCommon(context, stacks, { program }));
        const accounts = cloud ?? (await checkAccounts(stacks, common.aws));
        if (common.aws) await forgetLostState(context, common.aws);
        const prepared = async (stack: Environment): Promise<Prepared> => {
          const credentials = await roleVariables(accounts, stack);
          return { ...(single ?? (await prepareStack(context, stack, common, program))), credentials };
        };
        const variables = async (stack: Environment) => ({
          ...(common.aws ? localAwsAs(common.aws, stack.account).env : {}),
          ...(await roleVariables(accounts, stack)),
        });
        return await work({ context, common, prepared, variables });
      } catch (error) {
        throw (first.local ? await localAwsDied(context.root, error) : undefined) ?? error;
      } finally {
        await single?.build?.close();
      }
    }),
  );
}

/** Deployments of several environments use the local AWS side by side; nothing erases it meanwhile. */
function beside<T>(root: string, { local }: Environment, command: string, work: () => Promise<T>): Promise<T> {
  return local ? together(localAwsFolder(root), command, work) : work();
}

/** How one stack is opened. */
export interface StackOptions {
  /** What the engine runs; it is not asked where the work needs none. */
  program?: PulumiFn;
  /** Called when everything is there, before the engine's first start. */
  onPrepared?: (prepared: Prepared) => void;
  /** Settings of this run, laid over those of the stack. */
  settings?: Record<string, unknown>;
  /** For work that changes the stack: it is done under the stack's guard and recorded. */
  record?: RecordedRun;
}

/** What the records of a command's stacks have in common. */
export type RecordedRun = Pick<Beginning, "kind" | "run" | "revision" | "planDigest" | "rollbackTo">;

/** Work on an opened stack, and what it came to, for its record. */
export interface StackWork<T> {
  work: (run: Run, prepared: Prepared) => Promise<T>;
  /** What the end record tells; `value` is undefined when the work threw. */
  ending?: (value: T | undefined) => Promise<WorkEnding> | WorkEnding;
}

/**
 * Opens one stack of a session for work with its engine; ends what a former run left. After a Ctrl-C the work is waited for.
 *
 * @throws TributaryError `StackGuarded`, `StackLocked`, `GuardLost`, and what the work throws
 */
export async function onStack<T>(
  { context, prepared }: Session,
  environment: Environment,
  options: StackOptions,
  given: StackWork<T> | StackWork<T>["work"],
): Promise<T> {
  const { work, ending }: StackWork<T> = typeof given === "function" ? { work: given } : given;
  const own = await prepared(environment);
  const { root, sink } = context;
  const settings = await settingsOf(root, environment, own, options);
  const open = async (within: CommandContext): Promise<T> => {
    const parts = { ...own, settings };
    const opened = await openStack(root, environment, own.toolchain, options.program ?? (async () => ({})), parts);
    const run: Run = { context: within, environment, ...opened, aws: own.aws };
    return context.shield(
      () => work(run, own),
      () => opened.engine.kill(),
    );
  };
  try {
    options.onPrepared?.(own);
    await endLeftEngine(engineFolder(root, environment), sink);
    const backend = backendFolder(root, environment);
    if (backend !== undefined) await removeCutOffAttributes(backend, environment.project, environment.name);
    return options.record
      ? await recorded(context, environment, own, { ...options, settings }, open, ending)
      : await open(context);
  } finally {
    await own.build?.close();
  }
}

/** Settings of a run, with the branches whose pipelines the stack `delivery` has now. A rollback has those of its record, exactly. */
export async function settingsOf(
  root: string,
  environment: Environment,
  { aws, credentials }: Pick<Prepared, "aws" | "credentials">,
  { program, settings }: StackOptions,
): Promise<StackOptions["settings"]> {
  if (!environment.pipelines || program === undefined || settings !== undefined) return settings;
  const kept = await keptBranches(root, environment, { ...aws?.env, ...credentials });
  return Object.keys(kept).length === 0 ? undefined : kept;
}

async function recorded<T>(
  context: CommandContext,
  environment: Environment,
  { aws, credentials }: Prepared,
  { record, settings }: StackOptions,
  open: (within: CommandContext) => Promise<T>,
  ending: StackWork<T>["ending"] = () => ({ changes: noChanges }),
): Promise<T> {
  const { root, sink, signal } = context;
  const { project, name } = environment;
  const backend = openBackend(root, environment, { ...aws?.env, ...credentials });
  const used = recordableSettings(await runSettings(environment, undefined, settings));
  const beginning = { ...record!, project, target: targetOf(environment), settings: used };
  let atFailure = { changes: noChanges } as WorkEnding;
  const work = async ({ signal: both }: UnderGuard) => {
    try {
      const value = await open({ ...context, signal: both });
      return { value, ending: await ending(value) };
    } catch (error) {
      atFailure = await ending(undefined);
      throw error;
    }
  };
  try {
    const place = { backend, sink, signal };
    return await recordedWork(place, `${record!.kind} ${name}`, beginning, work, () => atFailure);
  } finally {
    backend.close();
  }
}
