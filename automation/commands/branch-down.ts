import { branchDown } from "../branches";
import { duration } from "../cli/render/text";
import type { Values } from "../cli/specification";
import type { CommandContext, Outcome } from "./context";
import { secondsSince } from "../events";

/** `tributary branch down [branch]` */
export async function run(context: CommandContext, { branch, template }: Values): Promise<Outcome> {
  const started = performance.now();
  const env = await branchDown(context, {
    ...(typeof branch === "string" ? { branch } : {}),
    ...(typeof template === "string" ? { template } : {}),
  });
  const seconds = secondsSince(started);
  return { document: { ok: true, env, seconds }, text: `${env} is removed, in ${duration(seconds)}\n` };
}
