import type { CommandContext } from "../commands/context";
import { newRun, programRevision } from "../records";
import { destroyOne } from "../stacks/destroy";
import type { EnvironmentStacks } from "../stacks/environments";
import type { Changes } from "../stacks/progress";
import type { RecordedRun, Session } from "../stacks/session";
import { clearBuckets } from "./buckets";
import { runEnvironment } from "./deploy";
import type { EnvironmentResult } from "./results";

/** How an environment is removed. */
export interface DestroyOptions {
  /** Most stacks at a time. @default as many as memory allows */
  parallel?: number;
  /** Deletes what is in its buckets, too. @default false: a stack with a bucket that is not empty stays */
  empty?: boolean;
}

/**
 * Removes all stacks of an environment resource by resource, the last wave first; also where the local AWS serves it. Nothing of a
 * wave is removed before the one after it is gone.
 *
 * @returns what became of each stack; a stack that failed rejects nothing
 * @throws TributaryError for what stops everything: `EnvironmentBusy`, `WrongAccount`, and those of the preparations
 */
export async function destroyEnvironment(
  context: CommandContext,
  environment: EnvironmentStacks,
  { empty = false, ...options }: DestroyOptions = {},
): Promise<EnvironmentResult<Changes>> {
  const record: RecordedRun = { kind: "destroy", run: newRun(), revision: await programRevision(context.root) };
  const work = async (session: Session, stack: EnvironmentStacks["stacks"][number]) => {
    await clearBuckets(session, stack, empty);
    return destroyOne(session, stack, record);
  };
  const reversed = environment.waves.toReversed().map((wave) => wave.toReversed());
  return runEnvironment(context, environment, `destroy ${environment.env}`, options, reversed, work);
}
