import { readFile, rm } from "node:fs/promises";
import * as path from "node:path";
import type { CommandContext } from "../commands/context";
import { writeWhole } from "../local/files";
import { acknowledgeStateLoss, ensureLocalAws, type LocalAws } from "../local";
import { packageCode } from "../packaging";
import { resolveToolchain, type Toolchain } from "../toolchain";
import { stateFolder, type Environment } from "./environments";

/** Everything that an engine run needs. */
export interface Prepared {
  toolchain: Toolchain;
  /** Undefined in an environment on AWS. */
  aws: LocalAws | undefined;
  /** Seconds that each part took; they ran side by side. */
  phases: { name: string; seconds: number }[];
}

/** Finds or makes toolchain, local AWS and packaged code, side by side; all must be there before the engine starts. */
export async function prepare(context: CommandContext, environment: Environment): Promise<Prepared> {
  const { root, sink, signal } = context;
  const phases: Prepared["phases"] = [];
  const timed = async <T>(name: string, work: Promise<T>): Promise<T> => {
    const started = performance.now();
    const result = await work;
    phases.push({ name, seconds: Math.round(performance.now() - started) / 1000 });
    return result;
  };
  const [toolchain, aws] = await allOrFirstFailure([
    timed("toolchain", resolveToolchain(sink, { signal })),
    timed("local AWS", environment.local ? ensureLocalAws(root, sink) : Promise.resolve(undefined)),
    timed("packaging", packageCode(root, sink)),
  ]);
  return { toolchain, aws, phases };
}

/** Waits for all before it fails, so that nothing goes on in the background; the first failure is the one to show. */
export async function allOrFirstFailure<T extends readonly unknown[]>(work: {
  [K in keyof T]: Promise<T[K]>;
}): Promise<T> {
  const settled = await Promise.allSettled(work);
  for (const result of settled) if (result.status === "rejected") throw result.reason;
  return settled.map((result) => (result as PromiseFulfilledResult<unknown>).value) as unknown as T;
}

/**
 * Forgets the recorded state when it belongs to a local AWS that has lost its own: what it lists is not there any more.
 * May be interrupted anywhere: the next call ends the same.
 *
 * @returns whether something was forgotten
 */
export async function forgetLostState(context: CommandContext, aws: LocalAws): Promise<boolean> {
  const file = path.join(stateFolder(context.root), "local-aws-state-id");
  const recorded = await readFile(file, "utf8").catch(() => undefined);
  const lost = recorded !== undefined && recorded !== aws.stateId;
  if (lost) {
    await rm(stateFolder(context.root), { recursive: true, force: true });
    const text =
      "the local AWS lost its state (it was killed, or erased by hand): everything is built again; files have to be ingested again";
    context.sink({ type: "message", level: "warning", text });
  }
  if (recorded !== aws.stateId) await writeWhole(file, aws.stateId);
  await acknowledgeStateLoss(context.root);
  return lost;
}
