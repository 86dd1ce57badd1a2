import { createRequire } from "node:module";
import type { CommandContext } from "../commands/context";
import { TributaryError } from "../errors";
import type * as rollback from "../rollback";
import type { EnvironmentStacks } from "../stacks/environments";
import { deployEnvironment, type Deployed, type EnvironmentOptions } from "./deploy";
import type { EnvironmentResult } from "./results";

/** Loaded when it is needed: deployments that fail are few. */
const load = () => createRequire(__filename)("../rollback") as typeof rollback;

/** A deployment, and what was done when it failed. */
export interface DeployedOrRolledBack extends EnvironmentResult<Deployed> {
  /** What became of the failed wave's stacks, where the environment says that they go back. */
  rolledBack?: EnvironmentResult<Deployed>;
}

/**
 * Deploys an environment; where its settings say `onFailure: rollback`, the stacks of a wave that failed, and those only, go
 * back to what they were before. That a wave cannot go back is told as a warning: the failure is what matters.
 */
export async function deployOrRollBack(
  context: CommandContext,
  environment: EnvironmentStacks,
  options: EnvironmentOptions = {},
): Promise<DeployedOrRolledBack> {
  const result = await deployEnvironment(context, environment, options);
  const wave = result.failedWave === undefined ? [] : environment.waves[result.failedWave]!;
  const worked = new Set(["succeeded", "failed"]);
  const touched = result.stacks.filter(({ status }) => worked.has(status)).map(({ target }) => target.stack);
  const back = wave.filter(({ name, onFailure }) => onFailure === "rollback" && touched.includes(name));
  if (back.length === 0 || context.signal.aborted) return result;
  const names = back.map(({ name }) => name);
  const tell = (level: "info" | "warning", text: string) => context.sink({ type: "message", level, text });
  tell("info", `wave ${result.failedWave! + 1} failed: ${names.join(", ")} go back to what they were`);
  try {
    const { parallel } = options;
    const { result: rolledBack } = await load().rollbackEnvironment(context, environment, {
      only: new Set(names),
      ...(parallel === undefined ? {} : { parallel }),
    });
    return { ...result, rolledBack };
  } catch (error) {
    if (!(error instanceof TributaryError)) throw error;
    tell("warning", `${names.join(", ")} stay as they are: ${error.message}`);
    return result;
  }
}
