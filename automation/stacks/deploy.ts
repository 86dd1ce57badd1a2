import { createRequire } from "node:module";
import type { EngineEvent, PulumiFn } from "@pulumi/pulumi/automation";
import type { CommandContext } from "../commands/context";
import { TributaryError } from "../errors";
import { step } from "../events";
import { lastWords } from "../lake/remote";
import { localAwsDied, type LocalAws } from "../local";
import type { Environment } from "./environments";
import { exclusively } from "./exclusive";
import { freeStack } from "./locks";
import { forgetLostState, prepare, type Prepared } from "./prepare";
import { addChanges, EngineListener, type Changes, type Failure, type ResourceChange } from "./progress";
import { adoptExisting, recoverPending, type Run } from "./recover";
import { readLocalState } from "./state";
import { engineFolder, lockFolder } from "./folders";
import type { ImageBuild } from "./imageBuild";
import { openStack } from "./workspace";

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
  /** Gets every event of the engine. */
  onEvent?: (event: EngineEvent) => void;
  /** Called when a run that builds images has its builder and its logins, before the engine starts; must not throw. */
  onBuilder?: (build: ImageBuild) => void;
  /**
   * Called when the engine of a run that builds images has ended, while builder and logins are still there.
   *
   * @param outputs of the stack; undefined when the run failed
   */
  onEnd?: (build: ImageBuild, aws: LocalAws | undefined, outputs: DeployResult["outputs"] | undefined) => Promise<void>;
}

const load = createRequire(__filename);

/** Deploys an environment, or with `preview` says what a deployment would change. */
export async function deploy(
  context: CommandContext,
  environment: Environment,
  mode: "up" | "preview",
  options: DeployOptions = {},
): Promise<DeployResult> {
  const started = performance.now();
  const name = `${mode === "up" ? "deploy" : "plan"} ${environment.name}`;
  const result = await exclusively(lockFolder(context.root, environment), name, async () => {
    const prepared = await prepare(context, environment);
    const { build, aws } = prepared;
    try {
      const program = new ProgramRunner();
      return await withPrepared(context, environment, prepared, program, mode, options).catch(
        async (error: unknown) => {
          throw program.ownError ?? (aws ? await localAwsDied(context.root, error) : undefined) ?? error;
        },
      );
    } finally {
      await build?.close();
    }
  });
  return { ...result, seconds: secondsSince(started) };
}

async function withPrepared(
  context: CommandContext,
  environment: Environment,
  { toolchain, aws, build, phases, runsImages }: Prepared,
  program: ProgramRunner,
  mode: "up" | "preview",
  options: DeployOptions,
): Promise<Omit<DeployResult, "seconds">> {
  if (aws) {
    await forgetLostState(context, aws);
    await freeStack(context.root, environment, engineFolder(context.root, environment), context.sink);
  }
  if (build) options.onBuilder?.(build);
  const opened = await openStack(context.root, environment, toolchain, aws, program.run, build);
  const begun = performance.now();
  const run = runEngine({ context, environment, ...opened, aws }, mode, options);
  const outputs = await run.then(
    (ran) => ran.outputs,
    () => undefined,
  );
  if (build) await options.onEnd?.(build, aws, outputs);
  const what = mode === "up" ? "deploy" : "plan";
  return { ...(await run), runsImages, phases: [...phases, { name: what, seconds: secondsSince(begun) }] };
}

function secondsSince(started: number): number {
  return Math.round(performance.now() - started) / 1000;
}

/** How often a deployment is tried again after resources were adopted; each time fewer can be in the way. */
const adoptions = 3;

async function runEngine(run: Run, mode: "up" | "preview", options: DeployOptions): Promise<EngineResult> {
  const { context, environment, engine } = run;
  return context.shield(
    async () => {
      if (mode === "up") await recoverPending(run);
      let former: Changes = { create: 0, update: 0, delete: 0, same: 0 };
      for (let turn = 0; ; turn++) {
        const { listener, error } = await attempt(run, mode, options);
        const changes = addChanges(former, listener.changes);
        if (error === undefined) return { changes, resources: listener.resources, outputs: listener.outputs ?? {} };
        former = changes;
        const again = turn < adoptions && !context.signal.aborted && (await adoptExisting(run, listener.collisions));
        if (again) tell(context, listener.failures);
        else throw failure(environment, mode === "up" ? "deployed" : "planned", listener.failures, error);
      }
    },
    () => engine.kill(),
  );
}

function tell(context: CommandContext, failures: Failure[]): void {
  for (const { resource, cause } of failures) {
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
  { exclude, onEvent }: DeployOptions,
): Promise<{ listener: EngineListener; error?: unknown }> {
  const { context, environment, stack, aws, configFile, parallel } = run;
  const state = aws ? await readLocalState(context.root, environment) : undefined;
  let listener = new EngineListener(() => undefined);
  try {
    await step(context.sink, `${mode === "up" ? "Deploy" : "Plan"} ${environment.name}`, async (progress) => {
      listener = new EngineListener(progress, state?.resources.length ?? 0);
      const listen = (event: EngineEvent) => (listener.onEvent(event), onEvent?.(event));
      const options = {
        onEvent: listen,
        signal: context.signal,
        color: "never" as const,
        ...(configFile === undefined ? {} : { configFile }),
        ...(parallel === undefined ? {} : { parallel }),
        ...(exclude === undefined ? {} : { exclude }),
      };
      await (mode === "up" ? stack.up(options) : stack.preview(options));
    });
    for (const text of listener.warnings) context.sink({ type: "message", level: "warning", text });
    return { listener };
  } catch (error) {
    return { listener, error };
  }
}

/** Runs the program inside the driver and keeps an error that it threw itself, which the engine would reduce to text. */
class ProgramRunner {
  ownError: TributaryError | undefined;

  readonly run: PulumiFn = async () => {
    try {
      const { program } = load("../program") as { program: PulumiFn };
      return await program();
    } catch (error) {
      if (error instanceof TributaryError) this.ownError = error;
      throw error;
    }
  };
}

/** One error for all failures of a run: each resource with its cause. */
export function failure(
  environment: Environment,
  what: "deployed" | "planned" | "destroyed",
  failures: Failure[],
  cause: unknown,
): TributaryError {
  const list = failures.map(({ resource, cause: why }) => `\n  ${resource}: ${why}`).join("");
  const text = failures.length > 0 ? list : `\n  ${lastWords(cause)}`;
  return new TributaryError(`${environment.name} could not be ${what}:${text}`, {
    code: "DeploymentFailed",
    source: "cloud",
    next: "mend the cause, then run the command again: what is done already is kept",
    cause,
  });
}
