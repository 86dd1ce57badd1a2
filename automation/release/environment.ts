import { withLake } from "../lake/connect";
import { findLocalAws } from "../local";
import type { Environment } from "../stacks/environments";
import { lookUpAll, type RegistryImage } from "./registry";
import { runningFunctions, type RunningFunction } from "./running";

/** What an environment runs, and what its registry tells about it. */
export interface RunningEnvironment {
  running: RunningFunction[];
  /** By digest; empty when the registry does not answer for us. */
  known: Map<string, RegistryImage>;
}

/**
 * What an environment runs.
 *
 * @throws TributaryError `NotDeployed`, `LocalAwsStopped`, `CloudRefused`
 */
export async function runningIn(root: string, environment: Environment): Promise<RunningEnvironment> {
  return withLake(root, environment, async (lake) => {
    const running = await runningFunctions(lake);
    const references = running.flatMap(({ reference }) => (reference ? [reference] : []));
    const aws = environment.local ? await findLocalAws(root) : undefined;
    // Time and commit are an extra: a person may read functions and not the registry, which may be another account's.
    const known = await lookUpAll(references, lake.outputs.region, aws).catch(() => new Map<string, RegistryImage>());
    return { running, known };
  });
}
