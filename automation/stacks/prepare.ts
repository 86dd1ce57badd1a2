import { createRequire } from "node:module";
import { readFile, rm } from "node:fs/promises";
import * as path from "node:path";
import type { CommandContext } from "../commands/context";
import { writeWhole } from "../local/files";
import { acknowledgeStateLoss, ensureLocalAws, type LocalAws } from "../local";
import { packageCode } from "../packaging";
import { resolveToolchain, type OptionalPlugin, type Toolchain } from "../toolchain";
import { stateFolder, type Environment } from "./environments";
import { ensureFunctionHost } from "./functionHost";
import type { ImageBuild, prepareImageBuild } from "./imageBuild";
import { allOrFirstFailure } from "./together";

/** Everything that an engine run needs. */
export interface Prepared {
  toolchain: Toolchain;
  /** Undefined in an environment on AWS. */
  aws: LocalAws | undefined;
  /** Undefined where no image is built. To be closed at the end. */
  build: ImageBuild | undefined;
  /** Whether functions that are images can run: on AWS, and where this machine has a container host. */
  runsImages: boolean;
  /** Seconds that each part took; they ran side by side. */
  phases: { name: string; seconds: number }[];
}

/**
 * Finds or makes toolchain, local AWS and packaged code, side by side, and where images are built their builder; all must be
 * there before the engine starts.
 */
export async function prepare(context: CommandContext, environment: Environment): Promise<Prepared> {
  const { root, sink, signal } = context;
  const phases: Prepared["phases"] = [];
  const timed = async <T>(name: string, work: Promise<T>): Promise<T> => {
    const started = performance.now();
    const result = await work;
    phases.push({ name, seconds: Math.round(performance.now() - started) / 1000 });
    return result;
  };
  const local = environment.local ? ensureLocalAws(root, sink) : Promise.resolve(undefined);
  const building = environment.builds ? local.then((aws) => builds(context, environment, aws)) : undefined;
  const plugins: OptionalPlugin[] = environment.builds ? ["docker-build"] : [];
  try {
    const hosting = environment.image && environment.local;
    const [toolchain, aws, runsImages, , build] = await allOrFirstFailure([
      timed("toolchain", resolveToolchain(sink, { signal, plugins })),
      timed("local AWS", local),
      hosting ? local.then((aws) => ensureFunctionHost(root, aws!, sink)) : Promise.resolve(!environment.local),
      // Images are packed for the platform that they are built for: by the program, which knows it.
      environment.image || environment.builds
        ? Promise.resolve(undefined)
        : timed("packaging", packageCode(root, sink)),
      building === undefined ? Promise.resolve(undefined) : timed("image builder", building),
    ]);
    return { toolchain, aws, build, runsImages, phases };
  } catch (error) {
    await building?.then(({ close }) => close()).catch(() => undefined);
    throw error;
  }
}

const load = createRequire(__filename);

/** Loaded when it is needed: most deployments build no image. */
function builds(...args: Parameters<typeof prepareImageBuild>): Promise<ImageBuild> {
  const loaded = load("./imageBuild") as { prepareImageBuild: typeof prepareImageBuild };
  return loaded.prepareImageBuild(...args);
}

/**
 * Forgets the recorded state when it belongs to a local AWS that has lost its own: what it lists is not there any more.
 * May be interrupted anywhere: the next call ends the same.
 *
 * @returns whether something was forgotten
 */
export async function forgetLostState(context: CommandContext, aws: LocalAws): Promise<boolean> {
  const file = stateIdFile(context.root);
  const recorded = await recordedStateId(context.root);
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

const stateIdFile = (root: string) => path.join(stateFolder(root), "local-aws-state-id");

/** Identity of the local AWS's state that the recorded state belongs to. */
export function recordedStateId(root: string): Promise<string | undefined> {
  return readFile(stateIdFile(root), "utf8").catch(() => undefined);
}
