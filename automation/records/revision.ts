import { realpath } from "node:fs/promises";
import * as path from "node:path";
import { execa } from "execa";
import { isOfProgram, programDigest, programFiles } from "../selection/program";
import type { ProgramRevision } from "./types";

/** What is known of the program of a checkout: its commit, whether it differs from that, and a digest of all its files. */
export async function programRevision(root: string): Promise<ProgramRevision> {
  const [files, git] = await Promise.all([programFiles(root), gitState(root)]);
  return { ...git, program: programDigest(files) };
}

async function gitState(root: string): Promise<Pick<ProgramRevision, "commit" | "dirty">> {
  const git = async (...args: string[]) => {
    const { stdout, exitCode } = await execa("git", ["-C", root, ...args], {
      reject: false,
      stdin: "ignore",
      stripFinalNewline: false,
      // Looks only: nobody else's git has to wait.
      env: { GIT_OPTIONAL_LOCKS: "0" },
    }).catch(() => ({ stdout: "", exitCode: 1 }));
    return exitCode === 0 ? stdout : undefined;
  };
  const [top, commit, changes] = await Promise.all([
    git("rev-parse", "--show-toplevel"),
    git("rev-parse", "--verify", "HEAD"),
    git("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all"),
  ]);
  // A checkout without a repository of its own may lie in somebody else's.
  const own = top !== undefined && path.relative(await realpath(top.trim()), await realpath(root)) === "";
  if (!own || commit === undefined || changes === undefined) return { dirty: true };
  return { commit: commit.trim(), dirty: changedFiles(changes).some(isOfProgram) };
}

/** Paths of `git status --porcelain -z` without renames: two letters and a space before each. */
export function changedFiles(status: string): string[] {
  return status
    .split("\0")
    .map((entry) => entry.slice(3))
    .filter((file) => file !== "");
}
