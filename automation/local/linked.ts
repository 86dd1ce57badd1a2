import { lstatSync, realpathSync } from "node:fs";

/**
 * A folder below `.tributary`, or where it leads when it is a link: a clone that a pipeline makes on this machine shares the local
 * AWS, its state and the builder with the checkout. All have to see the same path: it is part of what the emulator was
 * started with.
 */
export function linkedFolder(folder: string): string {
  const linked = lstatSync(folder, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  return linked ? realpathSync(folder) : folder;
}
