import { readdir, rm, rmdir } from "node:fs/promises";
import * as path from "node:path";
import { eraseBuilder } from "../builder";
import type { CommandContext } from "../commands/context";
import { userError } from "../errors";
import { step } from "../events";
import { eraseLocalAws } from "../local";
import { killLeft } from "../stacks/engine";
import { branchFile, environmentNames, environmentStacks, stateFolder, workFolder } from "../stacks/environments";
import { alone } from "../stacks/exclusive";
import { localAwsFolder } from "../stacks/folders";
import { readLocalState } from "../stacks/state";

/**
 * Stops the local AWS and removes it with everything in it: all environments that it serves, not only `local`. Erasing the
 * emulator's state is the whole of it: there is nothing beyond it to be removed resource by resource. The order matters when
 * this is interrupted: recorded state without its local AWS is recognised by the next command, the other way round would leave
 * resources that nobody knows of.
 *
 * @throws user error `NotConfirmed` when a protected environment would go with it; TributaryError `EnvironmentBusy`
 */
export async function eraseLocal(context: CommandContext): Promise<void> {
  const { root, sink } = context;
  const others = await otherEnvironments(root);
  const guarded = others.filter(({ guarded }) => guarded).map(({ env }) => env);
  if (guarded.length > 0) {
    const message = `destroy local removes the whole local AWS, and with it the protected environment ${guarded.join(", ")}`;
    throw userError("NotConfirmed", message, `tributary destroy ${guarded[0]} --yes ${guarded[0]}, then this again`);
  }
  await alone(localAwsFolder(root), "destroy local", () =>
    step(sink, "Remove the local environment", async (progress) => {
      if (others.length > 0) progress(`with ${others.map(({ env }) => env).join(", ")}`);
      for (const name of await localStacks(root)) await killLeft(path.join(workFolder(root), "engine", name));
      progress("stopping the image builder");
      await eraseBuilder(root);
      progress("stopping the local AWS");
      await eraseLocalAws(root);
      await rm(stateFolder(root), { recursive: true, force: true });
    }),
  );
  await removeWorkFolder(root);
}

/** Environments beside `local` that the local AWS serves and that are deployed there. */
async function otherEnvironments(root: string): Promise<{ env: string; guarded: boolean }[]> {
  const names = environmentNames(root).filter((name) => name !== "local");
  const found = await Promise.all(
    names.map(async (name) => {
      const { stacks } = environmentStacks(root, name);
      const local = stacks.filter((stack) => stack.local);
      const states = await Promise.all(local.map((stack) => readLocalState(root, stack).catch(() => undefined)));
      const there = states.some((state) => (state?.resources.length ?? 0) > 0);
      return there ? [{ env: name, guarded: local.some((stack) => stack.protected) }] : [];
    }),
  );
  return found.flat();
}

/** Stacks whose engines work on the local AWS: those with a state there. */
async function localStacks(root: string): Promise<string[]> {
  const folder = path.join(stateFolder(root), ".pulumi", "stacks");
  const files = await readdir(folder, { recursive: true }).catch(() => [] as string[]);
  const stacks = files.flatMap((file) => /([^/\\]+)\.json$/.exec(file)?.[1] ?? []);
  return [...new Set(["local", "images.local", ...stacks])];
}

/** What of the work folder is not about the local AWS and is kept: records of other backends, and branches on AWS. */
async function removeWorkFolder(root: string): Promise<void> {
  const folder = workFolder(root);
  for (const name of await readdir(folder).catch(() => [] as string[])) {
    if (name === "backends") continue;
    if (name === "branches") await removeLocalBranches(root, path.join(folder, name));
    else await rm(path.join(folder, name), { recursive: true, force: true });
  }
  await removeEmpty(path.join(folder, "branches"));
  await removeEmpty(folder);
}

async function removeLocalBranches(root: string, folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [] as string[])) {
    if (branchFile(root, name) !== undefined && isOnAws(root, name)) continue;
    await rm(path.join(folder, name), { recursive: true, force: true });
  }
}

function isOnAws(root: string, name: string): boolean {
  try {
    return !environmentStacks(root, name).stacks[0]!.local;
  } catch {
    // Settings that nobody can read may be of a branch on AWS.
    return true;
  }
}

async function removeEmpty(folder: string): Promise<void> {
  await rmdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT" && error.code !== "ENOTEMPTY") throw error;
  });
}
