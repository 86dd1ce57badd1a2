import { load } from "../commands/late";
import type { ClientVariables } from "../backend";
import { messageOf, TributaryError } from "../errors";
import { silent, type EventSink } from "../events";
import type { Environment } from "../stacks/environments";
import { readState } from "../stacks/stateReader";
import { outputsOf, parseDeployment, type RecordedState } from "../stacks/state";
import { lakeOutputs, type LakeOutputs } from "./outputs";

/**
 * Recorded state of an environment on AWS: read from its backend where that is a folder or a bucket, else exported by the
 * engine.
 *
 * @param variables by which the backend is read: of the environment's role
 * @throws TributaryError `StateUnreachable` with the engine's words when the backend does not give it
 */
export async function remoteState(
  root: string,
  environment: Environment,
  sink: EventSink,
  variables: ClientVariables = {},
): Promise<RecordedState> {
  const reading = await readState(root, environment, variables);
  if (reading !== "unreadable") return reading.state ?? parseDeployment({});
  // Loaded late: the engine's libraries take half a second, which no command on `local` has to wait for.
  const { resolveToolchain } = load("../toolchain");
  const { openStack } = load("../stacks/workspace");
  const toolchain = await resolveToolchain(sink);
  try {
    const { stack } = await openStack(root, environment, toolchain, async () => ({}));
    const exported = await stack.exportStack();
    return parseDeployment(exported.deployment ?? {});
  } catch (cause) {
    if (cause instanceof TributaryError) throw cause;
    throw new TributaryError(`the recorded state of ${environment.name} cannot be read:\n  ${lastWords(cause)}`, {
      code: "StateUnreachable",
      source: "cloud",
      next: "log in to its backend (pulumi login), or set tributary:backend or PULUMI_BACKEND_URL",
      cause,
    });
  }
}

/** The end of what a program said when it failed, without the Automation API's frame. */
export function lastWords(error: unknown): string {
  const text = messageOf(error);
  return text
    .split("\n")
    .map((line) => line.trim().replace(/^stderr: /, ""))
    .filter((line) => line !== "" && !/^(code|stdout|err\?):/.test(line))
    .slice(-6)
    .join("\n  ");
}

/**
 * Outputs of an environment on AWS.
 *
 * @param variables of its role
 */
export async function remoteOutputs(
  root: string,
  environment: Environment,
  variables: ClientVariables,
): Promise<LakeOutputs> {
  return lakeOutputs(outputsOf(await remoteState(root, environment, silent, variables)), environment.name);
}
