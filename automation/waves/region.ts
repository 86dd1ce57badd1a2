import { userError } from "../errors";
import type { EnvironmentStacks } from "../stacks/environments";

/**
 * The stacks that are left out when only one region of an environment is meant.
 *
 * @param region undefined: all are meant
 * @returns by name, with the reason
 * @throws user error `RegionUnknown` for one that the environment is not in
 */
export function outsideRegion({ env, stacks }: EnvironmentStacks, region: string | undefined): Map<string, string> {
  if (region === undefined) return new Map();
  const inside = stacks.filter((stack) => stack.region === region);
  if (inside.length === 0) {
    const regions = stacks.map((stack) => stack.region ?? "none").join(", ");
    const message = `${env} is not in the region ${JSON.stringify(region)}; it is in: ${regions}`;
    throw userError(
      "RegionUnknown",
      message,
      `add the region to tributary:waves in Pulumi.${env}.yaml, or name another one`,
    );
  }
  const others = stacks.filter((stack) => !inside.includes(stack));
  return new Map(others.map(({ name }) => [name, `only ${region} was asked for`]));
}
