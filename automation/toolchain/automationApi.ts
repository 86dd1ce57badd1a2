import { createRequire } from "node:module";
import type * as Automation from "@pulumi/pulumi/automation";

const load = createRequire(__filename);

/** The Automation API, loaded when it is needed: it takes a third of a second, which commands without an engine save. */
export function automationApi(): typeof Automation {
  return load("@pulumi/pulumi/automation") as typeof Automation;
}
