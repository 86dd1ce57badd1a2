import * as path from "node:path";
import { workFolder, type Environment } from "./environments";

/** Folder of an environment's engine files: output while it runs, identity of engine and driver. */
export function engineFolder(root: string, environment: Environment): string {
  return path.join(workFolder(root), "engine", environment.name);
}

/** Folder whose owner may work on an environment. All stacks of the local AWS have one: they share it and its state. */
export function lockFolder(root: string, environment: Environment): string {
  return engineFolder(root, environment.local ? { ...environment, name: "local" } : environment);
}
