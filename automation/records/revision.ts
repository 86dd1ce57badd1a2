import { gitText, headOf } from "../git";
import { isOfProgram, programDigest, programFiles } from "../selection/program";
import type { ProgramRevision } from "./types";

/** What is known of the program of a checkout: its commit, whether it differs from that, and a digest of all its files. */
export async function programRevision(root: string): Promise<ProgramRevision> {
  const [files, git] = await Promise.all([programFiles(root), gitState(root)]);
  return { ...git, program: programDigest(files) };
}

async function gitState(root: string): Promise<Pick<ProgramRevision, "commit" | "dirty">> {
  const [commit, changes] = await Promise.all([
    headOf(root),
    gitText(root, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all"),
  ]);
  if (commit === undefined || changes === undefined) return { dirty: true };
  return { commit, dirty: changedFiles(changes).some(isOfProgram) };
}

/** Paths of `git status --porcelain -z` without renames: two letters and a space before each. */
export function changedFiles(status: string): string[] {
  return status
    .split("\0")
    .map((entry) => entry.slice(3))
    .filter((file) => file !== "");
}
