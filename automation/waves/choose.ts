import { openBackend } from "../backend";
import { expectationOf, history, lastRecord, type Deployment, type Expectation } from "../records";
import { selectStacks, type RunPlace, type SelectedStack } from "../selection";
import type { Environment } from "../stacks/environments";
import type { Session } from "../stacks/session";

/** Which stacks of a run nothing is done with. */
export interface Choice {
  /** Names, with the reason why. */
  skip: Map<string, string>;
  /** What selection found, where it was asked for. */
  selection?: SelectedStack[];
}

/** How stacks are chosen. */
export interface ChoiceOptions {
  /** Only those of which a deployment could change something. @default false */
  changed?: boolean;
  /** All of them, also after a run that failed in the middle. @default false */
  all?: boolean;
}

/** Where a session works, as selection has to know it. */
export function placeOf({ context, common, variables }: Session): RunPlace {
  return { context, engine: common.toolchain.version, aws: common.aws, variables };
}

/**
 * Chooses the stacks of a deployment. After a run that failed in the middle, or was stopped, these are the ones that failed or
 * were never begun, and those of which program, settings or anything else has changed since: what that run deployed is not
 * looked at again.
 */
export async function chooseStacks(
  session: Session,
  stacks: Environment[],
  { changed = false, all = false }: ChoiceOptions,
): Promise<Choice> {
  if (changed) {
    const selection = await selectStacks(placeOf(session), stacks);
    const same = selection.filter(({ chosen }) => !chosen);
    return { skip: new Map(same.map(({ target }) => [target.stack, "unchanged"])), selection };
  }
  if (all || stacks.length === 1) return { skip: new Map() };
  const records = await Promise.all(stacks.map((stack) => lastOf(session, stack)));
  const done = records.map((record) => record?.result === "succeeded" && record.kind !== "destroy");
  if (done.every(Boolean) || !done.some(Boolean)) return { skip: new Map() };
  const selection = await selectStacks(placeOf(session), stacks);
  const skipped = selection.filter(({ chosen }, index) => !chosen && done[index]);
  const why = "deployed already by a run that did not come to its end; unchanged since";
  return { skip: new Map(skipped.map(({ target }) => [target.stack, why])) };
}

async function lastOf(session: Session, stack: Environment): Promise<Deployment | undefined> {
  return inStore(session, stack, (store) => lastRecord(store, stack.project, stack.name));
}

/** What a stack's last runs took; empty where nobody can tell. */
export async function expectedOf(session: Session, stack: Environment): Promise<Expectation> {
  const recent = { limit: 10 };
  return inStore(session, stack, async (store) =>
    expectationOf((await history(store, stack.project, [stack.name], recent)).deployments),
  ).catch(() => ({}));
}

async function inStore<T>(
  { context, variables }: Session,
  stack: Environment,
  work: (store: ReturnType<typeof openBackend>["files"]) => Promise<T>,
): Promise<T> {
  const backend = openBackend(context.root, stack, await variables(stack));
  try {
    return await work(backend.files);
  } finally {
    backend.close();
  }
}
