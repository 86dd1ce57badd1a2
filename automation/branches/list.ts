import type { CommandContext } from "../commands/context";
import type { Git } from "./git";
import { branchesWithState, readBranches, type BranchRecord } from "./records";
import { findTemplate } from "./template";
import { checkoutId, toolsOf, withBackend, writeSettings, type BranchRequest } from "./tools";

/** A branch's environment as `branch list` shows it. */
export interface ListedBranch extends Omit<BranchRecord, "format" | "id" | "settings"> {
  expired: boolean;
  /** Its branch is not there any more; undefined when that cannot be told. */
  gone: boolean | undefined;
  /** A state of it is recorded; undefined where only the engine can tell. */
  deployed: boolean | undefined;
}

/** All branch environments of a backend. */
export interface BranchList {
  branches: ListedBranch[];
  /** Environments with a state and without a record: nobody knows whose they are. */
  unknown: string[];
  /** Environments whose record cannot be read. */
  damaged: string[];
}

/**
 * All branch environments that share a template's backend; their settings are put into this checkout, so that every command knows them.
 */
export async function listBranches(
  context: CommandContext,
  { template: name }: Pick<BranchRequest, "template"> = {},
  tools = toolsOf(context),
): Promise<BranchList> {
  const template = findTemplate(context.root, name);
  const { project } = template.stack;
  return withBackend(context, template, async (backend) => {
    const [{ records, damaged }, states] = await Promise.all([
      readBranches(backend.files, project),
      branchesWithState(backend, project),
    ]);
    await Promise.all(records.map((record) => writeSettings(context.root, record)));
    const known = new Set([...records.map(({ env }) => env), ...damaged]);
    const branches = await Promise.all(
      records.map(async ({ format: _, id: __, settings: ___, ...record }): Promise<ListedBranch> => {
        const expired = Date.parse(record.expiresAt) <= tools.now().getTime();
        const deployed = backend.engine === undefined ? undefined : states.includes(record.env);
        return { ...record, expired, gone: await isGone(tools.git, context.root, record), deployed };
      }),
    );
    return { branches, damaged, unknown: states.filter((env) => !known.has(env)) };
  });
}

/**
 * Whether a branch is not there any more; undefined when that cannot be told: a remote does not answer, or the branch was never pushed
 * and is, or was, only in somebody else's checkout.
 */
export async function isGone(
  git: Git,
  root: string,
  { branch, pushed, checkout }: Pick<BranchRecord, "branch" | "pushed" | "checkout">,
): Promise<boolean | undefined> {
  const here = await git.isHere(branch);
  if (here !== false) return here === undefined ? undefined : false;
  const remote = await git.isRemote(branch);
  if (remote === true) return false;
  if (pushed) return remote === undefined ? undefined : true;
  return checkout === checkoutId(root) ? true : undefined;
}
