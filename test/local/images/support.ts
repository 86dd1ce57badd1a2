import { builderStatus } from "../../../automation/builder";
import { checkout } from "../support/workspace";

/** Why images cannot be built on this machine; undefined when they can. */
export async function lacksForImages(): Promise<string | undefined> {
  const lacks = (await builderStatus(checkout)).filter(({ found, cure }) => !found && cure !== undefined);
  const optional = /^(buildkit|buildx)/;
  const needed = lacks.filter(({ name }) => !optional.test(name));
  return needed.length === 0
    ? undefined
    : needed.map(({ name, detail, cure }) => `${name}: ${detail} (${cure})`).join("; ");
}
