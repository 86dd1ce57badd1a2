import type { Values } from "../cli/specification";
import { deploy } from "../stacks/deploy";
import { findEnvironment } from "../stacks/environments";
import type { Changes } from "../stacks/progress";
import { duration } from "../cli/render/text";
import type { CommandContext, Outcome } from "./context";

/** `tributary deploy <env>` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const environment = findEnvironment(context.root, String(values.env));
  const { changes, seconds } = await deploy(context, environment, "up");
  return {
    document: { ok: true, changes, seconds },
    text: `${environment.name} is deployed: ${describeChanges(changes)}, in ${duration(seconds)}\n`,
  };
}

/** Changes as words; `no change` when there was none. */
export function describeChanges({ create, update, delete: deleted, same }: Changes): string {
  const parts = [
    create > 0 ? `${create} created` : "",
    update > 0 ? `${update} updated` : "",
    deleted > 0 ? `${deleted} deleted` : "",
  ].filter(Boolean);
  return `${parts.join(", ") || "no change"} (${same} the same)`;
}
