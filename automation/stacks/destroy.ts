import { openBackend } from "../backend";
import { step, type Progress } from "../events";
import { forgetOwnMigrations } from "../pipeline/steps/migrations/history";
import { newRun, programRevision } from "../records";
import { failure } from "./failure";
import type { Environment } from "./environments";
import { EngineListener, type Changes } from "./progress";
import type { Run } from "./recover";
import { onStack, type RecordedRun, type Session } from "./session";
import { recordedState } from "./state";

/**
 * Removes one of the stacks of a session.
 *
 * @throws TributaryError `DeploymentFailed`
 */
export async function destroyOne(session: Session, environment: Environment, record?: RecordedRun): Promise<Changes> {
  const { root } = session.context;
  const state = await recordedState(root, environment).catch(() => undefined);
  let listener = new EngineListener(() => undefined);
  const work = async (run: Run): Promise<Changes> => {
    const destroy = async (progress: Progress) => {
      listener = new EngineListener(progress, state?.resources.length ?? 0);
      await runDestroy(run, listener);
    };
    await step(run.context.sink, `Destroy ${environment.name}`, destroy, environment.name);
    await forgetMigrations(session, environment);
    return listener.changes;
  };
  const own = record ?? { kind: "destroy", run: newRun(), revision: await programRevision(root) };
  const ending = () => ({ changes: listener.changes, slowest: listener.slowest });
  return onStack(session, environment, { record: own }, { work, ending });
}

async function runDestroy({ context, environment, stack, engine, configFile }: Run, listener: EngineListener) {
  const file = configFile === undefined ? {} : { configFile };
  try {
    await stack.destroy({ onEvent: listener.onEvent, signal: context.signal, color: "never", ...file });
  } catch (error) {
    throw failure(environment, "destroyed", listener.failures, error, engine.lastLog);
  }
  await stack.workspace.removeStack(environment.name, { preserveConfig: true });
}

/** What was run in the lake's own database went with it. */
async function forgetMigrations({ context, variables }: Session, environment: Environment): Promise<void> {
  const backend = openBackend(context.root, environment, await variables(environment));
  try {
    await forgetOwnMigrations(backend.files, environment);
  } finally {
    backend.close();
  }
}
