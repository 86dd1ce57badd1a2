import { rm } from "node:fs/promises";
import * as path from "node:path";
import type { Backend } from "../backend";
import type { CommandContext } from "../commands/context";
import { userError } from "../errors";
import { branchFile, environmentStacks } from "../stacks/environments";
import { environmentFailure } from "../waves/results";
import { branchOf } from "./git";
import { isGone, listBranches } from "./list";
import { branchEnvironmentName } from "./name";
import { branchesWithState, deleteBranch, readBranch, readBranches, type BranchRecord } from "./records";
import { findTemplate, settingsFrom, type Template } from "./template";
import { toolsOf, withBackend, writeSettings, type BranchRequest, type BranchTools } from "./tools";

/**
 * Removes a branch's environment and everything in it, then its record.
 *
 * @returns the name of the environment
 * @throws user error `BranchUnknown`; TributaryError when something could not be removed: then the record stays
 */
export async function branchDown(
  context: CommandContext,
  request: BranchRequest,
  tools = toolsOf(context),
): Promise<string> {
  const branch = await branchOf(tools.git, request.branch);
  const template = findTemplate(context.root, request.template);
  // Also by its own name, as `branch list` shows it.
  const names = [branchEnvironmentName(branch), branch];
  return withBackend(context, template, async (backend) => {
    const { project } = template.stack;
    const { records } = await readBranches(backend.files, project);
    const recorded = names.flatMap((name) => records.find(({ env }) => env === name) ?? [])[0];
    const found = recorded ?? (await leftOver(backend, template, names));
    if (found === undefined) throw unknownBranch(branch, records);
    await remove(context, backend.files, project, found, tools);
    return found.env;
  });
}

/** An environment whose record is lost, but not its state: the template's settings do to remove it. */
async function leftOver(backend: Backend, template: Template, names: string[]): Promise<Removable | undefined> {
  const states = await branchesWithState(backend, template.stack.project);
  const env = names.find((name) => states.includes(name));
  return env === undefined ? undefined : { env, settings: settingsFrom(template, { tags: {} }) };
}

function unknownBranch(branch: string, records: BranchRecord[]): Error {
  const known = records.map((record) => record.branch).join(", ") || "none";
  const message = `the branch ${branch} has no environment; there are environments of: ${known}`;
  return userError("BranchUnknown", message, "tributary branch list; another backend is looked into with --template");
}

/** What is needed of an environment to remove it. */
type Removable = Pick<BranchRecord, "env" | "settings">;

async function remove(
  context: CommandContext,
  files: Backend["files"],
  project: string,
  record: Removable,
  tools: BranchTools,
): Promise<void> {
  await writeSettings(context.root, record);
  const result = await tools.destroy(context, environmentStacks(context.root, record.env), { empty: true });
  if (!result.ok) throw environmentFailure(result, "removed", "run the command again: what is gone is kept");
  await deleteBranch(files, project, record.env);
  await rm(path.dirname(branchFile(context.root, record.env)!), { recursive: true, force: true });
}

/** What became of an environment that was to be removed. */
export interface Pruned {
  env: string;
  branch: string;
  why: "expired" | "gone";
  status: "removed" | "failed" | "would be removed";
  error?: unknown;
}

/** Removes the environments that have expired, and those whose branch is gone; what fails does not keep the others. */
export async function pruneBranches(
  context: CommandContext,
  { template: name, dryRun = false }: Pick<BranchRequest, "template"> & { dryRun?: boolean } = {},
  tools = toolsOf(context),
): Promise<Pruned[]> {
  const { branches } = await listBranches(context, name === undefined ? {} : { template: name }, tools);
  const due = branches.flatMap((each) => (each.expired || each.gone ? [each] : []));
  const pruned: Pruned[] = [];
  for (const { env, branch, expired } of due) {
    const about = { env, branch, why: expired ? "expired" : "gone" } as const;
    if (dryRun || context.signal.aborted) pruned.push({ ...about, status: "would be removed" });
    else pruned.push({ ...about, ...(await pruneOne(context, env, name, tools)) });
  }
  return pruned;
}

async function pruneOne(
  context: CommandContext,
  env: string,
  name: string | undefined,
  tools: BranchTools,
): Promise<Pick<Pruned, "status" | "error">> {
  try {
    const template = findTemplate(context.root, name);
    await withBackend(context, template, async ({ files }) => {
      const kept = await readBranch(files, template.stack.project, env);
      // Somebody has removed it, or let it live on, since the list was made.
      const due =
        kept &&
        (Date.parse(kept.record.expiresAt) <= tools.now().getTime() ||
          (await isGone(tools.git, context.root, kept.record)));
      if (kept && due) await remove(context, files, template.stack.project, kept.record, tools);
    });
    return { status: "removed" };
  } catch (error) {
    return { status: "failed", error };
  }
}
