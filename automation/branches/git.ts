import { userError } from "../errors";
import { git as runGit } from "../git";
import { checkBranch } from "./name";

/** Longest wait for a remote's answer (ms). */
const patience = 20_000;

/** What git is asked. */
export interface Git {
  /** The branch that is checked out; undefined where none is. */
  current(): Promise<string | undefined>;
  /** Address of the person, as commits get it. */
  email(): Promise<string | undefined>;
  /** Whether the checkout has a branch; undefined where it is no checkout, or git is missing. */
  isHere(branch: string): Promise<boolean | undefined>;
  /** Whether a remote has it; undefined when no remote says so, or none is there. */
  isRemote(branch: string): Promise<boolean | undefined>;
}

/** The git of a checkout. */
export function gitOf(root: string): Git {
  // Nobody is there to be asked for a password.
  const env = { GIT_TERMINAL_PROMPT: "0", GIT_SSH_COMMAND: "ssh -oBatchMode=yes" };
  const git = (...args: string[]) => runGit(root, args, { timeout: patience, env });
  const text = async (...args: string[]) => {
    const { exitCode, stdout } = await git(...args);
    return exitCode === 0 && stdout !== "" ? stdout : undefined;
  };
  return {
    current: () => text("symbolic-ref", "--quiet", "--short", "HEAD"),
    email: () => text("config", "user.email"),
    isHere: async (branch) => {
      const { exitCode } = await git("show-ref", "--verify", "--quiet", `refs/heads/${branch}`);
      // 1: there is a repository, and it has no such branch.
      return exitCode === 0 ? true : exitCode === 1 ? false : undefined;
    },
    isRemote: async (branch) => {
      const remotes = (await text("remote"))?.split("\n") ?? [];
      const answers = await Promise.all(
        remotes.map(async (remote) => {
          const { exitCode } = await git("ls-remote", "--exit-code", "--heads", "--", remote, `refs/heads/${branch}`);
          // 2: the remote answered, and has no such branch.
          return exitCode === 0 ? true : exitCode === 2 ? false : undefined;
        }),
      );
      if (answers.includes(true)) return true;
      return answers.length === 0 || answers.includes(undefined) ? undefined : false;
    },
  };
}

/**
 * The branch that is meant: the given one, else the one that is checked out.
 *
 * @throws user error `BranchMissing` where none is checked out, `BranchInvalid`
 */
export async function branchOf(git: Git, given: string | undefined): Promise<string> {
  const branch = given ?? (await git.current());
  if (branch !== undefined) return checkBranch(branch);
  const message = "no branch is checked out here, as in most builds, so it is not known which one is meant";
  throw userError("BranchMissing", message, "name it: tributary branch up <branch>");
}
