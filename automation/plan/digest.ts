import { createHash } from "node:crypto";
import type { EnvironmentPlan } from "./types";
import { canonicalJson } from "../json";

/**
 * Digest of what is planned: the resources with their operations and properties, and the order of the stacks. Times, and
 * what only follows from it (costs, broadenings), are no part of it, so that the same change has the same digest tomorrow.
 */
export function digestOf({ env, project, stacks }: Pick<EnvironmentPlan, "env" | "project" | "stacks">): string {
  const content = {
    env,
    project,
    stacks: stacks
      .map(({ target, resources }) => ({
        ...target,
        resources: resources
          .map(({ urn, type, operation, replacedBy, properties }) => ({ urn, type, operation, replacedBy, properties }))
          .sort((a, b) => compare(`${a.urn} ${a.operation}`, `${b.urn} ${b.operation}`)),
      }))
      .sort((a, b) => compare(a.stack, b.stack)),
  };
  return createHash("sha256").update(canonicalJson(content)).digest("hex");
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
