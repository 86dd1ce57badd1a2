import { existsSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { userError } from "../errors";
import { stacksOf, type Environment } from "../stacks/environments";
import { branchSettings, type BranchSettings } from "./settings";

/** What branch environments get their settings from. */
export interface Template {
  /** Name of its environment. */
  name: string;
  /** Text of its settings file. */
  text: string;
  /** It is made for branches: nothing of it is made cheaper. */
  made: boolean;
  /** The stack of its first region. */
  stack: Environment;
}

/** Templates that are looked for, in this order, where none is named. */
const defaults = ["branch", "dev", "local"];

/**
 * The template of branch environments.
 *
 * @param name an environment with a settings file. @default the first that is there of `branch`, `dev`, `local`
 * @throws user error `TemplateMissing`, and those of its settings
 */
export function findTemplate(root: string, name?: string): Template {
  const fileOf = (each: string) => path.join(root, `Pulumi.${each}.yaml`);
  const isThere = (each: string) => /^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(each) && existsSync(fileOf(each));
  const found = name === undefined ? defaults.find(isThere) : isThere(name) ? name : undefined;
  if (found === undefined || found === "images" || found === "delivery") {
    const files = (name === undefined ? defaults : [name]).map((each) => `Pulumi.${each}.yaml`).join(", ");
    const message = `there are no settings that a branch's environment could get: looked for ${files}, an environment's`;
    throw userError(
      "TemplateMissing",
      message,
      "add Pulumi.branch.yaml (docs/branches.md shows one), or name an environment: --template <env>",
    );
  }
  const file = fileOf(found);
  const [stack] = stacksOf(root, found, file).stacks as [Environment];
  return { name: found, text: readFileSync(file, "utf8"), made: found === "branch", stack };
}

/** Text of the settings file of an environment that is made from a template. */
export function settingsFrom({ stack, text, made }: Template, own: Pick<BranchSettings, "tags" | "images">): string {
  const { local, region, backend } = stack;
  return branchSettings({ template: text, made, local, region, backend, ...own });
}
