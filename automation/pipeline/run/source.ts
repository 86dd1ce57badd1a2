import { existsSync } from "node:fs";
import { cp, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import * as path from "node:path";
import { messageOf, TributaryError, userError } from "../../errors";
import { git } from "../../git";
import { linkTree } from "../../rollback/program";
import { workFolder } from "../../stacks/environments";
import { deliveryFile, readDeliverySettings } from "../model";
import { localSettings } from "./localSettings";
import type { RunSource } from "./state";

/** A repository on this machine, and the commit of it that a run is for. */
export type RepositorySource = Extract<RunSource, { kind: "repository" }>;

/**
 * Finds the commit that a run is for.
 *
 * @param repository folder of a checkout, or a bare repository
 * @param revision what git understands: a commit, a branch, a tag
 * @throws user error `PipelineSourceUnknown`
 */
export async function findSource(repository: string, revision: string): Promise<RepositorySource> {
  const folder = path.resolve(repository);
  const asked = revision.startsWith("-") ? "" : revision;
  const { exitCode, stdout } = await git(folder, ["rev-parse", "--verify", "--quiet", `${asked}^{commit}`]);
  if (exitCode !== 0) {
    const message = `"${revision}" is no commit, branch or tag of the git repository ${folder}`;
    throw userError("PipelineSourceUnknown", message, "git log --oneline --all shows what there is");
  }
  const commit = stdout.trim();
  const named = await git(folder, ["rev-parse", "--abbrev-ref", revision]);
  const branch = named.exitCode === 0 && named.stdout.trim() !== "HEAD" ? named.stdout.trim() : revision;
  return { kind: "repository", repository: folder, commit, branch };
}

/** Whether a checkout has changes that no commit holds; a bare repository has none. */
export async function hasChanges(repository: string): Promise<boolean> {
  const { exitCode, stdout } = await git(repository, ["status", "--porcelain"]);
  return exitCode === 0 && stdout.trim() !== "";
}

/** A file as a commit has it; undefined where it has none. */
export async function fileOf({ repository, commit }: RepositorySource, name: string): Promise<string | undefined> {
  const { exitCode, stdout } = await git(repository, ["show", `${commit}:${name}`]);
  return exitCode === 0 ? stdout : undefined;
}

/** What clones share with the checkout: the local AWS, its state, builders, and what engines left. */
const shared = ["local", "state", "builder", "engine", "logs", "images", "pulumi-home", "branches"];

/**
 * Makes a clean clone of a commit, in which the driver finds the local AWS and the state of the checkout, and in which every
 * environment is one of the local AWS.
 *
 * @param root the checkout that the run was started in
 * @param environments whose settings are made local
 * @returns what was left out of settings, in words
 * @throws TributaryError `PipelineSourceFailed`
 */
export async function cloneSource(
  root: string,
  { repository, commit }: RepositorySource,
  folder: string,
  environments: readonly string[],
): Promise<string[]> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(path.dirname(folder), { recursive: true });
  const quiet = ["-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false"];
  await must(repository, [...quiet, "clone", "--quiet", "--shared", "--no-checkout", "--", repository, folder]);
  await must(folder, [...quiet, "checkout", "--quiet", "--detach", commit]);
  await shareFolders(root, folder);
  return makeLocal(folder, environments);
}

async function must(folder: string, args: string[]): Promise<void> {
  const { exitCode, stderr } = await git(folder, args);
  if (exitCode === 0) return;
  const message = `git could not make a clean clone: ${stderr.trim().slice(-500)}`;
  throw new TributaryError(message, { code: "PipelineSourceFailed", next: "look at the repository with git fsck" });
}

async function shareFolders(root: string, clone: string): Promise<void> {
  await mkdir(workFolder(clone), { recursive: true });
  for (const name of shared) {
    const target = path.join(workFolder(root), name);
    await mkdir(target, { recursive: true });
    await symlink(target, path.join(workFolder(clone), name), "dir");
  }
}

/** What settings of an environment are made from, as those of a branch's; itself for any other. */
function templateOf(clone: string, env: string): string {
  if (!existsSync(path.join(clone, deliveryFile))) return env;
  return readDeliverySettings(clone).environments[env]?.template ?? env;
}

/** Settings that are changed here are not told by git as changed: what the commit holds is what is delivered. */
async function makeLocal(clone: string, environments: readonly string[]): Promise<string[]> {
  const local = await readFile(path.join(clone, "Pulumi.local.yaml"), "utf8").catch(() => "");
  const left: string[] = [];
  for (const name of new Set(environments.flatMap((env) => [env, templateOf(clone, env)]))) {
    const file = `Pulumi.${name}.yaml`;
    const text = await readFile(path.join(clone, file), "utf8").catch(() => undefined);
    const made = text === undefined ? undefined : localSettings(text, local);
    await git(clone, ["update-index", "--skip-worktree", file]);
    if (made === undefined) continue;
    await writeFile(path.join(clone, file), made.text);
    if (made.left.length > 0) left.push(`${file}: ${made.left.join(", ")}`);
  }
  return left;
}

/**
 * Gives a clone the packages of the checkout, when both lock the same: hard links instead of an installation.
 *
 * @returns whether it did
 */
export async function seedModules(root: string, clone: string): Promise<boolean> {
  const lock = (folder: string) => readFile(path.join(folder, "package-lock.json"), "utf8").catch(() => undefined);
  const [here, there] = await Promise.all([lock(root), lock(clone)]);
  if (here === undefined || here !== there) return false;
  return linkTree(path.join(root, "node_modules"), path.join(clone, "node_modules")).then(
    () => true,
    () => false,
  );
}

/** Copies an artifact where a build begins. */
export async function copyArtifact(from: string, to: string): Promise<void> {
  try {
    await cp(from, to, { recursive: true, verbatimSymlinks: true });
  } catch (error) {
    const message = `the artifact ${from} cannot be read: ${messageOf(error)}`;
    throw new TributaryError(message, { code: "ArtifactMissing", next: "run the pipeline again from its first stage" });
  }
}
