import { load } from "../commands/late";
import { silent, type EventSink } from "../events";
import type { Environment } from "../stacks/environments";
import { outputsOf, parseDeployment, type RecordedState } from "../stacks/state";
import { lakeOutputs, type LakeOutputs } from "./outputs";

/** Recorded state of an environment on AWS, exported from its backend by the engine. */
export async function remoteState(root: string, environment: Environment, sink: EventSink): Promise<RecordedState> {
  // Loaded late: the engine's libraries take half a second, which no command on `local` has to wait for.
  const { resolveToolchain } = load("../toolchain");
  const { openStack } = load("../stacks/workspace");
  const { stack } = await openStack(root, environment, await resolveToolchain(sink), undefined, async () => ({}));
  const exported = await stack.exportStack();
  return parseDeployment(exported.deployment ?? {});
}

/** Outputs of an environment on AWS. */
export async function remoteOutputs(root: string, environment: Environment): Promise<LakeOutputs> {
  return lakeOutputs(outputsOf(await remoteState(root, environment, silent)), environment.name);
}
