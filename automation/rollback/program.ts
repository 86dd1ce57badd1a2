import { createRequire } from "node:module";
import { copyFile, link, mkdir, readdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import * as path from "node:path";
import type { PulumiFn } from "@pulumi/pulumi/automation";
import { execa } from "execa";
import PQueue from "p-queue";
import { TributaryError, userError } from "../errors";
import { git as runGit } from "../git";
import { step, type EventSink, type Progress } from "../events";
import { withLock } from "../local/locking";
import type { Deployment, ProgramRevision } from "../records";
import { programDigest, programFiles } from "../selection/program";
import { workFolder } from "../stacks/environments";
import { exists } from "../local/state";

/** A program, and the checkout that it stands in. */
export interface RevisionProgram {
  revision: ProgramRevision;
  /** Undefined: the checkout's own. */
  program?: PulumiFn;
}

/**
 * The program of a record: the checkout's own when that is the same, else the one of the record's commit, in a worktree below
 * `.tributary/worktrees/`.
 *
 * @param current of the checkout
 * @throws user errors `RevisionDirty`, `RevisionUnknown`; TributaryError `RevisionUnusable`
 */
export async function programOf(
  root: string,
  { id, revision }: Pick<Deployment, "id" | "revision">,
  current: ProgramRevision,
  sink: EventSink,
): Promise<RevisionProgram> {
  if (revision.program === current.program) return { revision: current };
  const { commit, dirty } = revision;
  if (commit === undefined || dirty) {
    const found =
      commit === undefined ? "without git" : `from commit ${commit.slice(0, 12)} with changes that no commit holds`;
    throw userError(
      "RevisionDirty",
      `what record ${id} deployed was made ${found}, and the program is another one now`,
      "bring the program's files back to what they were, or choose a record of a committed revision: tributary history",
    );
  }
  const folder = await worktree(root, commit, sink);
  if (programDigest(await programFiles(folder)) !== revision.program) {
    const text = `the files of commit ${commit.slice(0, 12)} are not all that record ${id} was made from: files that git ignores, or other packages, took part`;
    sink({ type: "message", level: "warning", text });
  }
  return { revision, program: load(folder, commit) };
}

/** Loads a program of another checkout into this process; with its own components, and the same Pulumi SDK. */
function load(folder: string, commit: string): PulumiFn {
  return () => {
    const loaded = createRequire(path.join(folder, "index.ts"))(path.join(folder, "index.ts")) as
      PulumiFn | { default?: PulumiFn };
    const program = typeof loaded === "function" ? loaded : loaded.default;
    if (program) return program();
    throw unusable(commit, "its index.ts exports no program");
  };
}

async function worktree(root: string, commit: string, sink: EventSink): Promise<string> {
  const folder = path.join(workFolder(root), "worktrees", commit);
  await mkdir(path.dirname(folder), { recursive: true });
  await withLock(path.dirname(folder), `${folder}.lock`, sink, "the files of an earlier revision", async () => {
    if (await exists(`${folder}.complete`)) return;
    await step(sink, `Fetch revision ${commit.slice(0, 12)}`, async (progress) => {
      await checkOut(root, commit, folder);
      await installPackages(root, commit, folder, progress);
    });
    await writeFile(`${folder}.complete`, "");
  });
  return folder;
}

async function checkOut(root: string, commit: string, folder: string): Promise<void> {
  // No hook of the person's runs, and what a killed run left is made anew.
  const git = (...args: string[]) => runGit(root, ["-c", "core.hooksPath=/dev/null", ...args]);
  if (!/^[0-9a-f]{40,64}$/.test(commit) || (await git("cat-file", "-e", `${commit}^{commit}`)).exitCode !== 0) {
    const message = `the commit ${commit.slice(0, 12)} is not in this checkout`;
    throw userError(
      "RevisionUnknown",
      message,
      "git fetch --unshallow, or git fetch the branch that holds it; then again",
    );
  }
  await rm(folder, { recursive: true, force: true });
  await git("worktree", "prune");
  const added = await git("worktree", "add", "--detach", "--force", folder, commit);
  if (added.exitCode !== 0) throw unusable(commit, `git could not check it out: ${added.stderr.slice(-500)}`);
}

async function installPackages(root: string, commit: string, folder: string, progress: Progress): Promise<void> {
  const lock = (of: string) => readFile(path.join(of, "package-lock.json"), "utf8").catch(() => "");
  const modules = path.join(folder, "node_modules");
  if ((await lock(root)) === (await lock(folder))) {
    progress("linking its packages");
    await linkTree(path.join(root, "node_modules"), modules);
  } else {
    progress("installing its packages");
    const { exitCode, stderr } = await execa("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
      cwd: folder,
      reject: false,
      stdin: "ignore",
    });
    if (exitCode !== 0) throw unusable(commit, `npm ci failed there: ${stderr.slice(-1_000)}`);
  }
  await shareSdk(root, commit, modules);
}

/** The program and the driver have to use one and the same Pulumi SDK: it keeps what belongs to a run in its modules. */
async function shareSdk(root: string, commit: string, modules: string): Promise<void> {
  const own = path.join(root, "node_modules", "@pulumi", "pulumi");
  const theirs = path.join(modules, "@pulumi", "pulumi");
  const [needed, here] = await Promise.all([theirs, own].map(versionOf));
  if (needed !== here) throw unusable(commit, `it uses Pulumi's SDK ${needed}, and this driver ${here}`);
  await rm(theirs, { recursive: true, force: true });
  await symlink(own, theirs, "dir");
}

async function versionOf(folder: string): Promise<string> {
  const { version } = JSON.parse(await readFile(path.join(folder, "package.json"), "utf8")) as { version: string };
  return version;
}

/** A copy whose files are hard links, or copies where there can be none. */
export async function linkTree(from: string, to: string): Promise<void> {
  const queue = new PQueue({ concurrency: 64 });
  const copy = async (folder: string): Promise<void> => {
    await mkdir(path.join(to, folder), { recursive: true });
    const entries = await readdir(path.join(from, folder), { withFileTypes: true });
    const work = entries.map((entry) => {
      const name = path.join(folder, entry.name);
      const [source, target] = [path.join(from, name), path.join(to, name)];
      if (entry.isDirectory()) return copy(name);
      if (entry.isSymbolicLink()) return queue.add(async () => symlink(await readlink(source), target));
      return queue.add(() => link(source, target).catch(() => copyFile(source, target)));
    });
    await Promise.all(work);
  };
  await copy("");
}

function unusable(commit: string, reason: string): TributaryError {
  return new TributaryError(`the program of commit ${commit.slice(0, 12)} cannot be run by this driver: ${reason}`, {
    code: "RevisionUnusable",
    next: `git checkout ${commit.slice(0, 12)}, then deploy from there with the driver of that revision`,
  });
}
