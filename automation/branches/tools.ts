import { realpathSync } from "node:fs";
import * as os from "node:os";
import type { Backend } from "../backend";
import type { CommandContext } from "../commands/context";
import { writeWhole } from "../local/files";
import { Backends } from "../selection/backends";
import { shortDigest } from "../selection/program";
import { branchFile } from "../stacks/environments";
import { deployEnvironment } from "../waves/deploy";
import { destroyEnvironment } from "../waves/destroy";
import { gitOf, type Git } from "./git";
import type { BranchRecord } from "./records";
import type { Template } from "./template";

/** What working on branch environments needs of the rest of the driver; tests put something else in its place. */
export interface BranchTools {
  git: Git;
  now: () => Date;
  deploy: typeof deployEnvironment;
  destroy: typeof destroyEnvironment;
}

/** The real ones. */
export function toolsOf({ root }: CommandContext): BranchTools {
  return { git: gitOf(root), now: () => new Date(), deploy: deployEnvironment, destroy: destroyEnvironment };
}

/** What is asked for. */
export interface BranchRequest {
  /** @default the one that is checked out */
  branch?: string;
  /** Name of the template's environment. @default `branch`, else `dev`, else `local` */
  template?: string;
}

/** Puts a branch environment's settings where every command finds them. */
export async function writeSettings(
  root: string,
  { env, settings }: Pick<BranchRecord, "env" | "settings">,
): Promise<void> {
  await writeWhole(branchFile(root, env)!, settings, 0o600);
}

/** Runs work with the backend that the environments of a template share. */
export async function withBackend<T>(
  context: CommandContext,
  { stack }: Template,
  work: (backend: Backend) => Promise<T>,
): Promise<T> {
  const backends = new Backends(context);
  try {
    return await work(await backends.of(stack));
  } finally {
    backends.close();
  }
}

/** Tells a checkout from all others, and tells nothing else about it. */
export function checkoutId(root: string): string {
  return shortDigest(`${os.hostname()}\n${realpathSync(root)}`);
}
