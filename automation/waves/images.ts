import type { CommandContext } from "../commands/context";
import { step } from "../events";
import { withLake } from "../lake/connect";
import { findLocalAws, localAwsAs } from "../local";
import { protectDeployed, type Protection } from "../release/protect";
import { verifyImages, type Verification } from "../release/verify";
import type { DeployResult } from "../stacks/deploy";
import type { Environment } from "../stacks/environments";

/** What is told of the images of a deployed stack. */
export interface ImagesReport {
  images: Verification;
  protection: Protection;
}

/** Looks at the images of a stack that was just deployed: do its functions run them, and are they safe from lifecycles. */
export async function reportImages(
  context: CommandContext,
  stack: Environment,
  deployed: DeployResult,
): Promise<ImagesReport> {
  const images = await verify(context, stack, deployed);
  return { images, protection: await protect(context, stack, deployed) };
}

/** Asks every function which image it runs, and compares with what was deployed. */
export async function verify(
  { root, sink }: CommandContext,
  environment: Environment,
  { outputs, runsImages }: DeployResult,
): Promise<Verification> {
  const expected = (outputs.images ?? {}) as Record<string, string>;
  return step(
    sink,
    "Ask the functions which image they run",
    () => withLake(root, environment, (lake) => verifyImages(lake, expected, runsImages)),
    environment.name,
  );
}

/** Keeps what runs now from the lifecycle of its repository. */
async function protect(
  { root, sink }: CommandContext,
  { name, env, local, account }: Environment,
  { outputs }: DeployResult,
): Promise<Protection> {
  const images = (outputs.images ?? {}) as Record<string, string>;
  const deployed = { env, region: String(outputs.region), account: String(outputs.account), images };
  const work = async () => {
    const aws = local ? await findLocalAws(root) : undefined;
    return protectDeployed(deployed, sink, aws && localAwsAs(aws, account));
  };
  return step(sink, "Protect the deployed images", work, name);
}
