import { createRequire } from "node:module";
import type { PulumiFn } from "@pulumi/pulumi/automation";
import type { CommandContext } from "../commands/context";
import { TributaryError } from "../errors";
import { step } from "../events";
import { localAwsDied } from "../local";
import type { Environment } from "./environments";
import { exclusively } from "./exclusive";
import { freeStack } from "./locks";
import { forgetLostState, prepare } from "./prepare";
import { addChanges, EngineListener, type Changes, type Failure, type ResourceChange } from "./progress";
import { adoptExisting, recoverPending, type Run } from "./recover";
import { readLocalState } from "./state";
import { engineFolder } from "./folders";
import { openStack } from "./workspace";

/** What a deployment or a plan did. */
export interface DeployResult {
  changes: Changes;
  resources: ResourceChange[];
  /** Of all together. */
  seconds: number;
  /** Seconds of each part; those before "deploy" run side by side. */
  phases: { name: string; seconds: number }[];
}

const load = createRequire(__filename);

/** Deploys an environment, or with `preview` says what a deployment would change. */
export async function deploy(
  context: CommandContext,
  environment: Environment,
  mode: "up" | "preview",
): Promise<DeployResult> {
  const started = performance.now();
  const name = `${mode === "up" ? "deploy" : "plan"} ${environment.name}`;
  const result = await exclusively(engineFolder(context.root, environment), name, async () => {
    const { toolchain, aws, phases } = await prepare(context, environment);
    const program = new ProgramRunner();
    const folder = engineFolder(context.root, environment);
    if (aws) {
      await forgetLostState(context, aws);
      await freeStack(context.root, environment, folder, context.sink);
    }
    const opened = await openStack(context.root, environment, toolchain, aws, program.run);
    const begun = performance.now();
    try {
      const ran = await runEngine({ context, environment, ...opened, aws }, mode);
      return { ...ran, phases: [...phases, { name: mode === "up" ? "deploy" : "plan", seconds: secondsSince(begun) }] };
    } catch (error) {
      throw program.ownError ?? (aws ? await localAwsDied(context.root, error) : undefined) ?? error;
    }
  });
  return { ...result, seconds: secondsSince(started) };
}

function secondsSince(started: number): number {
  return Math.round(performance.now() - started) / 1000;
}

/** How often a deployment is tried again after resources were adopted; each time fewer can be in the way. */
const adoptions = 3;

async function runEngine(run: Run, mode: "up" | "preview"): Promise<Pick<DeployResult, "changes" | "resources">> {
  const { context, environment, engine } = run;
  return context.shield(
    async () => {
      if (mode === "up") await recoverPending(run);
      let former: Changes = { create: 0, update: 0, delete: 0, same: 0 };
      for (let turn = 0; ; turn++) {
        const { listener, error } = await attempt(run, mode);
        const changes = addChanges(former, listener.changes);
        if (error === undefined) return { changes, resources: listener.resources };
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

async function attempt(run: Run, mode: "up" | "preview"): Promise<{ listener: EngineListener; error?: unknown }> {
  const { context, environment, stack, aws } = run;
  const state = aws ? await readLocalState(context.root, environment) : undefined;
  let listener = new EngineListener(() => undefined);
  try {
    await step(context.sink, `${mode === "up" ? "Deploy" : "Plan"} ${environment.name}`, async (progress) => {
      listener = new EngineListener(progress, state?.resources.length ?? 0);
      const options = { onEvent: listener.onEvent, signal: context.signal, color: "never" as const };
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

function lastWords(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !/^(code|stdout):/.test(line))
    .slice(-6)
    .join("\n  ");
}
