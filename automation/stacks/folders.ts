import * as path from "node:path";
import { workFolder, type Environment } from "./environments";

/** Folder of an environment's engine files: output while it runs, identity of engine and driver. */
export function engineFolder(root: string, environment: Environment): string {
  return path.join(workFolder(root), "engine", environment.name);
}

/** Folder whose owner may work on an environment, in all its regions. Local images belong to the environment `local`. */
export function lockFolder(root: string, environment: Environment): string {
  return engineFolder(root, { ...environment, name: environment.env });
}

/** Folder of those who work with the local AWS; see `usingLocalAws`. */
export function localAwsFolder(root: string): string {
  return path.join(workFolder(root), "engine", "local-aws");
}

/** Folder of what the engine printed in its last runs of a stack. */
export function logFolder(root: string, environment: Environment): string {
  return path.join(workFolder(root), "logs", environment.name);
}
