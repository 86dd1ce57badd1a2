import type { Values } from "../cli/specification";
import { duration, oneLine } from "../cli/render/text";
import { deploy } from "../stacks/deploy";
import { findEnvironment } from "../stacks/environments";
import type { CommandContext, Outcome } from "./context";

/** `tributary plan <env>` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const environment = findEnvironment(context.root, String(values.env));
  const { changes, resources, seconds } = await deploy(context, environment, "preview");
  const lines = resources.map(({ operation, type, name }) => `  ${operation.padEnd(12)} ${oneLine(name)}  ${type}\n`);
  const { create, update, delete: deleted, same } = changes;
  const total = `to create: ${create}, to update: ${update}, to delete: ${deleted}, the same: ${same} (${duration(seconds)})`;
  return { document: { ok: true, changes, resources, seconds }, text: `${lines.join("")}${total}\n` };
}
