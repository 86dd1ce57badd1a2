import { createRequire } from "node:module";
import type * as deploy from "../stacks/deploy";
import type * as destroy from "../waves/destroy";
import type * as workspace from "../stacks/workspace";
import type * as toolchain from "../toolchain";

const loadModule = createRequire(__filename);

/** Modules that take long to load, because they bring the engine's libraries. */
interface LateModules {
  "../waves/destroy": typeof destroy;
  "../stacks/deploy": typeof deploy;
  "../stacks/workspace": typeof workspace;
  "../toolchain": typeof toolchain;
}

/** Loads such a module when it is needed, so that a command that needs it only sometimes starts fast otherwise. */
export function load<Name extends keyof LateModules>(name: Name): LateModules[Name] {
  return loadModule(name) as LateModules[Name];
}
