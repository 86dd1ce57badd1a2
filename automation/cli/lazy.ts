import { createRequire } from "node:module";
import type * as schema from "../datasets/schema";
import type { CommandModule } from "./specification";

const load = createRequire(__filename);

/** Loads a command's module when it is needed, so that help and short commands do not wait for the engine's libraries. */
export function loadCommand(module: string): CommandModule {
  return load(`../commands/${module}`) as CommandModule;
}

/** Loads what makes datasets/manifest.schema.json, in the same way. */
export function loadSchema(): typeof schema {
  return load("../datasets/schema") as typeof schema;
}
