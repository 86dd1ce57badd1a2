import { createRequire } from "node:module";
import type { EngineEvent, PulumiFn } from "@pulumi/pulumi/automation";
import type { CommandContext } from "../commands/context";
import { TributaryError } from "../errors";
import { secondsSince, step, type Progress } from "../events";
import type { LocalAws } from "../local";
import { newRun, programRevision, type WorkEnding } from "../records";
import type { Environment } from "./environments";
import { failure } from "./failure";
import type { ImageBuild } from "./imageBuild";
import type { Prepared } from "./prepare";
import {
  noChanges,
  addChanges,
  EngineListener,
  type Changes,
  type Failure,
  type ResourceChange,
  type SlowResource,
} from "./progress";
import { Isolation } from "./isolation";
import { adoptExisting, recoverPending, type Run } from "./recover";
import { onStack, withSession, type RecordedRun, type Session } from "./session";
import { countResources, recordedState } from "./state";

/** What a deployment or a plan did. */
export interface DeployResult {
  changes: Changes;
  resources: ResourceChange[];
  /** Of all together. */
  seconds: number;
  /** Seconds of each part; those before "deploy" run side by side. */
  phases: { name: string; seconds: number }[];
  /** Outputs of the stack, secret ones as `[secret]`; empty after a plan. */
  outputs: Record<string, unknown>;
  /** Whether functions that are images can run there. */
  runsImages: boolean;
}

/** What came of the engine's run. */
type EngineResult = Pick<DeployResult, "changes" | "resources" | "outputs">;

/** What a run does otherwise than with the whole environment. */
export interface DeployOptions {
  /** URNs, with wildcards, of resources to leave as they are. @default none */
  exclude?: string[];
  /** Gets every event of the engine. Those of severity "debug" hold secrets in plain text. */
  onEvent?: (event: EngineEvent) => void;
  /** Called when a run that builds images has its builder and its logins, before the engine starts; must not throw. */
  onBuilder?: (build: ImageBuild) => void;
  /**
   * Called when the engine of a run that builds images has ended, while builder and logins are still there.
   *
   * @param outputs of the stack; undefined when the run failed
   */
  onEnd?: (build: ImageBuild, aws: LocalAws | undefined, outputs: DeployResult["outputs"] | undefined) => Promise<void>;
  /** The engine's update plan, an absolute path: a preview writes it, a deployment does what it says or fails. */
  updatePlan?: string;
  /** Absolute folders of policy packs that judge the run. @default none */
  policyPacks?: string[];
  /** Looks at every resource in the cloud before. @default false */
  refresh?: boolean;
  /** What is run instead of the checkout's own program, e.g. that of another revision. */
  program?: PulumiFn;
  /** Settings of this run, laid over those of the stack. */
  settings?: Record<string, unknown>;
  /** Seconds that such a run took the last time, for the time that is left. */
  expectedSeconds?: number;
  /** What the record of a deployment tells. @default a deployment by itself */
  record?: RecordedRun;
  /** What a deployment that succeeded was made from, for its record. */
  fingerprint?: () => Promise<Record<string, unknown> | undefined>;
}

const load = createRequire(__filename);

/** Deploys one stack, or with `preview` says what a deployment would change. */
export async function deploy(
  context: CommandContext,
  environment: Environment,
  mode: "up" | "preview",
  options: DeployOptions = {},
): Promise<DeployResult> {
  const started = performance.now();
  const name = `${mode === "up" ? "deploy" : "plan"} ${environment.name}`;
  const result = await withSession(context, [environment], name, (session) =>
    deployStack(session, environment, mode, options),
  );
  return { ...result, seconds: secondsSince(started) };
}

/**
 * Deploys or previews one of the stacks of a session.
 *
 * @throws TributaryError `DeploymentFailed`, or what the program threw itself
 */
export async function deployStack(
  session: Session,
  environment: Environment,
  mode: "up" | "preview",
  options: DeployOptions = {},
): Promise<DeployResult> {
  const started = performance.now();
  const runner = new ProgramRunner(options.program, environment.pipelines);
  const isolation = new Isolation();
  let attempts: RunProgress = { changes: noChanges, slowest: [] };
  const work = async (run: Run, prepared: Prepared): Promise<DeployResult> => {
    const done = await runPrepared(run, prepared, mode, options, (progress) => (attempts = progress));
    return { ...done, seconds: secondsSince(started) };
  };
  const ending = (result: DeployResult | undefined) => endingOf(session, environment, attempts, options, result);
  const record = mode === "up" ? (options.record ?? (await ownRecord(session))) : undefined;
  const { settings } = options;
  const onPrepared = ({ build }: Prepared) => build && options.onBuilder?.(build);
  const opening = { program: isolation.around(runner.run), onPrepared, record, settings };
  try {
    return await onStack(session, environment, opening, { work, ending });
  } catch (error) {
    throw runner.ownError ?? error;
  } finally {
    isolation.end();
  }
}

async function ownRecord({ context }: Session): Promise<RecordedRun> {
  return { kind: "deploy", run: newRun(), revision: await programRevision(context.root) };
}

async function runPrepared(
  run: Run,
  { build, aws, phases, runsImages }: Prepared,
  mode: "up" | "preview",
  options: DeployOptions,
  tell: (progress: RunProgress) => void,
): Promise<Omit<DeployResult, "seconds">> {
  const begun = performance.now();
  const running = runEngine(run, mode, options, tell);
  const outputs = await running.then(
    (ran) => ran.outputs,
    () => undefined,
  );
  if (build) await options.onEnd?.(build, aws, outputs);
  const what = mode === "up" ? "deploy" : "plan";
  return { ...(await running), runsImages, phases: [...phases, { name: what, seconds: secondsSince(begun) }] };
}

async function endingOf(
  { context }: Session,
  environment: Environment,
  { changes, slowest }: RunProgress,
  { fingerprint, exclude }: DeployOptions,
  result: DeployResult | undefined,
): Promise<WorkEnding> {
  const state = await recordedState(context.root, environment).catch(() => undefined);
  const resources = state === undefined ? {} : { resources: countResources(state) };
  if (result === undefined) return { changes, slowest, ...resources };
  const sealed = exclude === undefined ? await fingerprint?.() : undefined;
  const { images } = result.outputs;
  const uris = typeof images === "object" && images !== null ? Object.entries(images) : [];
  const running = Object.fromEntries(uris.filter((entry): entry is [string, string] => typeof entry[1] === "string"));
  return {
    changes,
    slowest,
    ...resources,
    ...(uris.length > 0 ? { images: running } : {}),
    ...(sealed === undefined ? {} : { fingerprint: sealed }),
  };
}

/** What a run of the engine did so far, however it ended. */
interface RunProgress {
  changes: Changes;
  slowest: SlowResource[];
}

/** How often a deployment is tried again after resources were adopted; each time fewer can be in the way. */
const adoptions = 3;

async function runEngine(
  run: Run,
  mode: "up" | "preview",
  options: DeployOptions,
  progress: (progress: RunProgress) => void,
): Promise<EngineResult> {
  const { context, environment, engine } = run;
  if (mode === "up") await recoverPending(run);
  let former: Changes = noChanges;
  let held = options;
  for (let turn = 0; ; turn++) {
    const { listener, error } = await attempt(run, mode, held);
    const changes = addChanges(former, listener.changes);
    progress({ changes, slowest: listener.slowest });
    if (error === undefined) return { changes, resources: listener.resources, outputs: listener.outputs ?? {} };
    former = changes;
    const again = turn < adoptions && !context.signal.aborted && (await adoptExisting(run, listener.collisions));
    if (again) {
      tell(context, listener.failures);
      // What was adopted is not as the plan has it: it said that it would be created.
      held = { ...options };
      delete held.updatePlan;
    } else throw failure(environment, mode === "up" ? "deployed" : "planned", listener.failures, error, engine.lastLog);
  }
}

function tell(context: CommandContext, failures: Failure[]): void {
  for (const { resource, cause } of failures) {
    // What a plan has and the run did not come to, because it ended at another resource.
    if (cause.startsWith("expected resource operations")) continue;
    context.sink({
      type: "message",
      level: "info",
      text: `adopted and tried again: ${resource}: ${cause}`,
    });
  }
}

async function attempt(
  run: Run,
  mode: "up" | "preview",
  options: DeployOptions,
): Promise<{ listener: EngineListener; error?: unknown }> {
  const { context, environment, stack } = run;
  const state = await recordedState(context.root, environment).catch(() => undefined);
  let listener = new EngineListener(() => undefined);
  const title = `${mode === "up" ? "Deploy" : "Plan"} ${environment.name}`;
  if (options.program === undefined) run.engine.onStarted = () => preloadProgram(environment.pipelines);
  try {
    const work = async (progress: Progress) => {
      listener = new EngineListener(progress, state?.resources.length ?? 0, options.expectedSeconds);
      const listen = (event: EngineEvent) => (listener.onEvent(event), options.onEvent?.(event));
      const given = { ...engineOptions(run, options), onEvent: listen };
      await (mode === "up" ? stack.up(given) : stack.preview(given));
    };
    await step(context.sink, title, work, environment.name);
    for (const text of listener.warnings) context.sink({ type: "message", level: "warning", text });
    return { listener };
  } catch (error) {
    return { listener, error };
  }
}

function engineOptions({ context, configFile, parallel }: Run, options: DeployOptions) {
  const { exclude, updatePlan, policyPacks, refresh } = options;
  return {
    signal: context.signal,
    color: "never" as const,
    ...(configFile === undefined ? {} : { configFile }),
    ...(parallel === undefined ? {} : { parallel }),
    ...(exclude === undefined ? {} : { exclude }),
    ...(updatePlan === undefined ? {} : { plan: updatePlan }),
    ...(policyPacks === undefined ? {} : { policyPacks }),
    ...(refresh === undefined ? {} : { refresh }),
  };
}

/** Uses the second in which the engine starts. What is wrong with the program is told when it is run. */
function preloadProgram(pipelines?: boolean): void {
  try {
    load(programOf(pipelines));
  } catch {
    return;
  }
}

const programOf = (pipelines = false) => (pipelines ? "../deliveryProgram" : "../program");

/** Runs the program inside the driver and keeps an error that it threw itself, which the engine would reduce to text. */
class ProgramRunner {
  ownError: TributaryError | undefined;

  /** @param pipelines the stack holds pipelines: their program stands on its own */
  constructor(
    private readonly other?: PulumiFn,
    private readonly pipelines = false,
  ) {}

  readonly run: PulumiFn = async () => {
    try {
      const program = this.other ?? (load(programOf(this.pipelines)) as { program: PulumiFn }).program;
      return await program();
    } catch (error) {
      if (error instanceof TributaryError) this.ownError = error;
      throw error;
    }
  };
}
