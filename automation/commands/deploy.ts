import type { Values } from "../cli/specification";
import { step } from "../events";
import { withLake } from "../lake/connect";
import { findLocalAws } from "../local";
import { protectDeployed, type Protection } from "../release/protect";
import { verifyImages, type Verification } from "../release/verify";
import { deploy, type DeployResult } from "../stacks/deploy";
import { findEnvironment, type Environment } from "../stacks/environments";
import type { Changes } from "../stacks/progress";
import { duration } from "../cli/render/text";
import type { CommandContext, Outcome } from "./context";

/** `tributary deploy <env>` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const environment = findEnvironment(context.root, String(values.env));
  const result = await deploy(context, environment, "up");
  const { changes, seconds } = result;
  const images = environment.image ? await verify(context, environment, result) : undefined;
  const protection = environment.image ? await protect(context, environment, result) : undefined;
  return {
    document: { ok: true, changes, ...(images ? { images, protection } : {}), seconds },
    text: `${environment.name} is deployed: ${describeChanges(changes)}, in ${duration(seconds)}\n${images ? describeImages(images) : ""}`,
  };
}

/** Asks every function which image it runs, and compares with what was deployed. */
export async function verify(
  { root, sink }: CommandContext,
  environment: Environment,
  { outputs, runsImages }: DeployResult,
): Promise<Verification> {
  const expected = (outputs.images ?? {}) as Record<string, string>;
  return step(sink, "Ask the functions which image they run", () =>
    withLake(root, environment, (lake) => verifyImages(lake, expected, runsImages)),
  );
}

/** Keeps what runs now from the lifecycle of its repository. */
async function protect(
  { root, sink }: CommandContext,
  { name: env, local }: Environment,
  { outputs }: DeployResult,
): Promise<Protection> {
  const images = (outputs.images ?? {}) as Record<string, string>;
  const deployed = { env, region: String(outputs.region), account: String(outputs.account), images };
  return step(sink, "Protect the deployed images", async () =>
    protectDeployed(deployed, sink, local ? await findLocalAws(root) : undefined),
  );
}

function describeImages({ functions, answered }: Verification): string {
  if (answered === functions)
    return `each of its ${functions} functions says that it runs the image that was deployed\n`;
  const others = functions - answered;
  return `Lambda runs the images that were deployed; ${answered} functions said so themselves, ${others} cannot run now and were not asked\n`;
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
