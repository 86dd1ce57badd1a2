import type { CommandContext } from "../commands/context";
import { newRun, programRevision, type ProgramRevision, type RecordKind } from "../records";
import { Fingerprints } from "../selection";
import { deployStack, type DeployOptions, type DeployResult } from "../stacks/deploy";
import type { Environment, EnvironmentStacks } from "../stacks/environments";
import { withSession, type RecordedRun, type Session } from "../stacks/session";
import { targetOf, type StackTarget } from "../stacks/target";
import { runChecks, type CheckResult } from "./checks";
import { chooseStacks, expectedOf, placeOf, type Choice } from "./choose";
import { reportImages, type ImagesReport } from "./images";
import { overWaves } from "./over";
import { parallelStacks } from "./parallel";
import { lookForStrangers } from "./strangers";
import { stackResults, type EnvironmentResult } from "./results";
import { secondsSince } from "../events";

/** A stack that was deployed and looked at. */
export interface Deployed extends DeployResult {
  /** Where its functions are images. */
  report?: ImagesReport;
}

/** How an environment is deployed or previewed. */
export interface EnvironmentOptions {
  /** Most stacks at a time. @default as many as memory allows */
  parallel?: number;
  /** Options of single stacks, e.g. with `onEvent`. */
  stackOptions?: (target: StackTarget) => DeployOptions;
  /** Stacks that are left out, by name, with the reason why. @default none */
  skip?: ReadonlyMap<string, string>;
  /** Only the stacks of which a deployment could change something. @default false */
  changed?: boolean;
  /** All stacks, also those that an unfinished run before deployed already. @default false */
  all?: boolean;
  /** What the records say that was done. @default "deploy" */
  kind?: RecordKind;
  /** Digest of the plan that is deployed, for the records. */
  planDigest?: string;
  /** The record that a stack goes back to, for the records of a rollback. */
  rollbackTo?: (target: StackTarget) => string | undefined;
  /** The program that a stack is deployed from, for the records. @default that of the checkout */
  revision?: (target: StackTarget) => ProgramRevision | undefined;
  /** Whether the declared checks are done after each wave of a deployment. @default true */
  checks?: boolean;
}

/**
 * Deploys an environment wave by wave: the stacks of one wave side by side, then its declared checks. The first wave in which
 * something fails is the last; what runs beside a failure comes to its end. After a run that did not come to its end only what
 * failed, what was never begun and what has changed since is done.
 *
 * @returns what became of each stack; a stack that failed rejects nothing
 * @throws TributaryError for what stops everything: `EnvironmentBusy`, `WrongAccount`, and those of the preparations
 */
export async function deployEnvironment(
  context: CommandContext,
  environment: EnvironmentStacks,
  options: EnvironmentOptions = {},
): Promise<EnvironmentResult<Deployed>> {
  const { env, stacks, waves } = environment;
  const { kind = "deploy", checks = true } = options;
  return inSession(context, environment, `${kind} ${env}`, options, async (session) => {
    await lookForStrangers(session, environment);
    const chosen = await chosenStacks(session, stacks, options);
    const [revision, prints] = await Promise.all([
      programRevision(context.root),
      // What is rolled back is not what the checkout says now.
      kind === "rollback" ? undefined : Fingerprints.begin(placeOf(session), stacks),
    ]);
    const common = { kind, run: newRun(), revision };
    const work = (stack: Environment) => deployOne(session, stack, options, common, prints);
    const check = (stack: Environment) => (checks ? runChecks(context, stack) : Promise.resolve([]));
    return { ...chosen, waves, work, check };
  });
}

async function deployOne(
  session: Session,
  stack: Environment,
  { stackOptions, planDigest, rollbackTo, revision }: EnvironmentOptions,
  common: RecordedRun,
  prints: Fingerprints | undefined,
): Promise<Deployed> {
  const target = targetOf(stack);
  const [back, program] = [rollbackTo?.(target), revision?.(target)];
  const own = {
    ...(program ? { revision: program } : {}),
    ...(planDigest ? { planDigest } : {}),
    ...(back ? { rollbackTo: back } : {}),
  };
  const { seconds: expectedSeconds } = await expectedOf(session, stack);
  const deployed = await deployStack(session, stack, "up", {
    ...(expectedSeconds === undefined ? {} : { expectedSeconds }),
    ...(prints ? { fingerprint: () => prints.seal(stack) } : {}),
    ...stackOptions?.(target),
    record: { ...common, ...own },
  });
  return stack.image ? { ...deployed, report: await reportImages(session.context, stack, deployed) } : deployed;
}

/** Previews all stacks of an environment at once, whatever their waves; see {@link deployEnvironment}. */
export function previewEnvironment(
  context: CommandContext,
  environment: EnvironmentStacks,
  options: EnvironmentOptions = {},
): Promise<EnvironmentResult> {
  const { env, stacks } = environment;
  return inSession(context, environment, `plan ${env}`, options, async (session) => {
    await lookForStrangers(session, environment);
    const chosen = await chosenStacks(session, stacks, { ...options, all: options.changed !== true });
    const work = (stack: Environment) =>
      deployStack(session, stack, "preview", options.stackOptions?.(targetOf(stack)));
    return { ...chosen, waves: [stacks], work };
  });
}

/**
 * Runs work on the stacks of an environment that this command has for itself; what is done on each is up to `work`, with
 * `destroyOne` or `onStack`. The program's code is not packed for it.
 *
 * @param command for others' messages, e.g. `drift dev`
 * @param waves in which order
 */
export function runEnvironment<T>(
  context: CommandContext,
  environment: EnvironmentStacks,
  command: string,
  options: EnvironmentOptions,
  waves: Environment[][],
  work: (session: Session, stack: Environment) => Promise<T>,
): Promise<EnvironmentResult<T>> {
  const skip = new Map(options.skip);
  const course = async (session: Session) => ({ skip, waves, work: (stack: Environment) => work(session, stack) });
  return inSession(context, environment, command, options, course, false);
}

async function chosenStacks(session: Session, stacks: Environment[], options: EnvironmentOptions): Promise<Choice> {
  const { skip, ...choice } = await chooseStacks(session, stacks, options);
  return { ...choice, skip: new Map([...skip, ...(options.skip ?? [])]) };
}

/** What is done with an environment, once it is known which of its stacks. */
interface Course<T> extends Choice {
  waves: Environment[][];
  work: (stack: Environment) => Promise<T>;
  check?: (stack: Environment) => Promise<CheckResult[]>;
}

async function inSession<T>(
  context: CommandContext,
  { env, stacks }: EnvironmentStacks,
  command: string,
  { parallel, skip: known }: EnvironmentOptions,
  plan: (session: Session) => Promise<Course<T>>,
  program = true,
): Promise<EnvironmentResult<T>> {
  const started = performance.now();
  const wanted = stacks.filter(({ name }) => !known?.has(name));
  const checks: CheckResult[] = [];
  const run = async (session: Session) => {
    const { waves, work, check, skip, selection } = await plan(session);
    const afterWave = async (wave: Environment[]) => {
      const found = (await Promise.all(wave.map((stack) => check?.(stack) ?? []))).flat();
      checks.push(...found);
      return found.every(({ ok }) => ok);
    };
    const stopped = () => context.signal.aborted;
    const over = await overWaves(
      waves,
      { parallel: parallelStacks(parallel, session.common.toolchain.source), stopped, skip, afterWave },
      work,
    );
    const { settled, failedWave } = over;
    return { results: stackResults<T>(stacks, settled, skip), failedWave, selection };
  };
  // A Ctrl-C waits for all engines, and for what is done when they have ended.
  const shielded = (session: Session) =>
    context.shield(
      () => run(session),
      () => undefined,
    );
  const all = () => ({ results: stackResults<T>(stacks, new Map(), known ?? new Map()) });
  const done = wanted.length === 0 ? all() : await withSession(context, wanted, command, shielded, { program });
  const { results, ...more } = done;
  const ok = results.every(({ status }) => status === "succeeded" || status === "skipped") && checks.every((c) => c.ok);
  return { env, ok, stacks: results, checks, seconds: secondsSince(started), ...more };
}
