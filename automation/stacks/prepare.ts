import { createRequire } from "node:module";
import { readdir, readFile, rm } from "node:fs/promises";
import * as path from "node:path";
import type { CommandContext } from "../commands/context";
import { TributaryError } from "../errors";
import { writeWhole } from "../local/files";
import { acknowledgeStateLoss, ensureLocalAws, localAwsAs, type LocalAws } from "../local";
import { ensureFront } from "../local/front";
import { packageCode } from "../packaging";
import { resolveToolchain, type OptionalPlugin, type Toolchain } from "../toolchain";
import { stateFolder, type Environment } from "./environments";
import { othersIn, underLock } from "./exclusive";
import { localAwsFolder } from "./folders";
import { ensureFunctionHost } from "./functionHost";
import type { ImageBuild, prepareImageBuild } from "./imageBuild";
import { allOrFirstFailure } from "./together";
import { secondsSince } from "../events";

/** What all stacks of a run share. */
export interface Common {
  toolchain: Toolchain;
  /** Undefined on AWS. As its first account sees it. */
  aws: LocalAws | undefined;
  /** Whether functions that are images can run: on AWS, and where this machine has a container host. */
  runsImages: boolean;
  /** Seconds that each part took; they ran side by side. */
  phases: { name: string; seconds: number }[];
}

/** Everything that an engine run of one stack needs. */
export interface Prepared extends Common {
  /** Undefined where no image is built. To be closed at the end. */
  build: ImageBuild | undefined;
  /** Variables with the credentials of the environment's role, where it has one. */
  credentials?: Record<string, string>;
}

/** What is made ready beside toolchain and local AWS. */
export interface Preparations {
  /** Whether the program is run: then its code is packed, and its images' builder made ready. @default true */
  program?: boolean;
  /** Runs beside it as soon as the local AWS is there, where images are built. */
  building?: (aws: LocalAws | undefined) => Promise<unknown>;
}

/**
 * Finds or makes toolchain, local AWS and packaged code, side by side and once for all stacks; all must be there before the
 * first engine starts.
 */
export async function prepareCommon(
  context: CommandContext,
  stacks: Environment[],
  { program = true, building = async () => undefined }: Preparations = {},
): Promise<Common> {
  const { root, sink, signal } = context;
  const phases: Common["phases"] = [];
  const timed = async <T>(name: string, work: Promise<T>): Promise<T> => {
    const started = performance.now();
    const result = await work;
    phases.push({ name, seconds: secondsSince(started) });
    return result;
  };
  const isLocal = stacks.some(({ local }) => local);
  const isImage = stacks.some(({ image }) => image);
  const builds = program && stacks.some((stack) => stack.builds);
  const local = isLocal ? localAws(context, stacks) : Promise.resolve(undefined);
  const plugins: OptionalPlugin[] = builds ? ["docker-build"] : [];
  // Images are packed for the platform that they are built for: by the program, which knows it.
  const packs = program && stacks.some((stack) => !stack.image && !stack.builds && !stack.pipelines);
  const [toolchain, aws, runsImages] = await allOrFirstFailure([
    timed("toolchain", resolveToolchain(sink, { signal, plugins })),
    timed("local AWS", local),
    program && isImage && isLocal
      ? local.then((aws) => ensureFunctionHost(root, aws!, sink))
      : Promise.resolve(!isLocal),
    packs ? timed("packaging", packageCode(root, sink)) : Promise.resolve(undefined),
    builds ? timed("image builder", local.then(building)) : Promise.resolve(undefined),
  ]);
  return { toolchain, aws, runsImages, phases };
}

/** The local AWS; with CodePipeline beside it for stacks that hold pipelines. */
async function localAws({ root, sink }: CommandContext, stacks: Environment[]): Promise<LocalAws> {
  const aws = await ensureLocalAws(root, sink);
  if (!stacks.some(({ pipelines }) => pipelines)) return aws;
  return { ...aws, env: { ...aws.env, ...(await ensureFront(root, aws, sink)) } };
}

/** All that one stack needs that is worked on by itself; its builder is made ready beside everything else. */
export async function prepare(context: CommandContext, environment: Environment): Promise<Prepared> {
  let build: ImageBuild | undefined;
  try {
    const building = async (aws: LocalAws | undefined) => {
      build = await prepareBuild(context, environment, aws && localAwsAs(aws, environment.account));
    };
    const common = await prepareCommon(context, [environment], { building });
    return { ...common, ...ownParts(common, environment), build };
  } catch (error) {
    await build?.close().catch(() => undefined);
    throw error;
  }
}

/** What one of several stacks needs beside what they share. */
export async function prepareStack(
  context: CommandContext,
  environment: Environment,
  common: Common,
  program = true,
): Promise<Prepared> {
  const own = ownParts(common, environment);
  const build = program && environment.builds ? await prepareBuild(context, environment, own.aws) : undefined;
  return { ...common, ...own, build };
}

function ownParts({ aws }: Common, { account }: Environment): { aws: LocalAws | undefined } {
  return { aws: aws && localAwsAs(aws, account) };
}

const load = createRequire(__filename);

/** Loaded when it is needed: most deployments build no image. */
function prepareBuild(...args: Parameters<typeof prepareImageBuild>): Promise<ImageBuild> {
  const loaded = load("./imageBuild") as { prepareImageBuild: typeof prepareImageBuild };
  return loaded.prepareImageBuild(...args);
}

/**
 * Forgets the recorded state when it belongs to a local AWS that has lost its own: what it lists is not there any more.
 * May be interrupted anywhere: the next call ends the same.
 *
 * @returns whether something was forgotten
 * @throws TributaryError `EnvironmentBusy` when it would take the state of what another command deploys
 */
export async function forgetLostState(context: CommandContext, aws: LocalAws): Promise<boolean> {
  const { root } = context;
  return underLock(localAwsFolder(root), async () => {
    const recorded = await recordedStateId(root);
    const lost = recorded !== undefined && recorded !== aws.stateId;
    if (lost) await forget(context);
    if (recorded !== aws.stateId) await writeWhole(stateIdFile(root), aws.stateId);
    await acknowledgeStateLoss(root);
    return lost;
  });
}

async function forget({ root, sink }: CommandContext): Promise<void> {
  const [other] = await othersIn(localAwsFolder(root));
  if (other) {
    const message = `the local AWS lost its state while another command works on it: ${other.command} (process ${other.pid})`;
    throw new TributaryError(message, {
      code: "EnvironmentBusy",
      next: "wait until it has ended, then run this command again",
    });
  }
  const folder = stateFolder(root);
  // Records of deployments stay: they tell what was done. Those of migrations tell what is there, and it is not.
  const gone = (await readdir(folder)).filter((name) => name !== ".tributary");
  const migrations = path.join(".tributary", "migrations");
  await Promise.all([...gone, migrations].map((name) => rm(path.join(folder, name), { recursive: true, force: true })));
  const text =
    "the local AWS lost its state (it was killed, or erased by hand): everything is built again; files have to be ingested again";
  sink({ type: "message", level: "warning", text });
}

const stateIdFile = (root: string) => path.join(stateFolder(root), "local-aws-state-id");

/** Identity of the local AWS's state that the recorded state belongs to. */
export function recordedStateId(root: string): Promise<string | undefined> {
  return readFile(stateIdFile(root), "utf8").catch(() => undefined);
}
