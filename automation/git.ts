import { realpath } from "node:fs/promises";
import * as path from "node:path";
import { execa } from "execa";

/** What git answered; `exitCode` is undefined when it is not there, or did not end. */
export interface GitAnswer {
  exitCode: number | undefined;
  stdout: string;
  stderr: string;
}

/** How git is run. */
export interface GitOptions {
  /** Longest wait (ms). @default none */
  timeout?: number;
  /** Variables beside this process's. @default none */
  env?: Record<string, string>;
}

/** Runs git on a checkout. It never rejects, and what only looks never makes somebody else's git wait. */
export async function git(root: string, args: string[], { timeout, env }: GitOptions = {}): Promise<GitAnswer> {
  const { exitCode, stdout, stderr } = await execa("git", ["-C", root, ...args], {
    reject: false,
    stdin: "ignore",
    env: { GIT_OPTIONAL_LOCKS: "0", ...env },
    ...(timeout === undefined ? {} : { timeout }),
  });
  return { exitCode, stdout, stderr };
}

/** What git prints, without its last newline; undefined when it fails. */
export async function gitText(root: string, ...args: string[]): Promise<string | undefined> {
  const { exitCode, stdout } = await git(root, args);
  return exitCode === 0 ? stdout : undefined;
}

/**
 * The commit that is checked out; undefined without git, without a commit, and where the checkout has no repository of its own but
 * lies in somebody else's.
 */
export async function headOf(root: string): Promise<string | undefined> {
  const [top, commit] = await Promise.all([
    gitText(root, "rev-parse", "--show-toplevel"),
    gitText(root, "rev-parse", "--verify", "HEAD"),
  ]);
  const own = top !== undefined && path.relative(await realpath(top), await realpath(root)) === "";
  return own ? commit : undefined;
}
