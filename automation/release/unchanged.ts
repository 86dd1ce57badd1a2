import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import * as path from "node:path";
import type { CommandContext } from "../commands/context";
import type { PreparedImage } from "../images";
import { digestOf } from "../images/staging";
import type { LocalAws } from "../local";
import { writeWhole } from "../local/files";
import { imageInputs } from "../selection/images";
import { digestsOfFiles, filesBelow, programDigest } from "../selection/program";
import { stateFolder, type Environment } from "../stacks/environments";
import { recordedStateId } from "../stacks/prepare";
import { stateFile } from "../stacks/state";
import type { Release } from "./build";
import type { ImagesOutputs } from "./outputs";

/** All that decides what a run would do. */
export interface Inputs {
  /** Of the images' content, the settings and the program itself. */
  digest: string;
  /** Content digests by the images' names. */
  images: Record<string, string>;
  /** The image that functions are built from. */
  runtime: PreparedImage;
  /** Identity of the local AWS's state. */
  stateId: string;
}

/** What the last run that built everything left behind. */
interface Recorded {
  inputs: string;
  /** Content digests by the images' names. */
  images: Record<string, string>;
  /** Digest of the stack's state as that run left it. */
  state: string;
  release: Release;
}

/**
 * What a run of a stack in the local AWS would be made from; undefined where only a run can tell: on AWS, and where a base
 * image is named by a tag.
 *
 * @throws user error `InvalidImages`, as a run would
 */
export async function inputsOf(
  context: CommandContext,
  stack: Environment,
  aws: LocalAws | undefined,
): Promise<Inputs | undefined> {
  if (aws === undefined) return undefined;
  const found = await imageInputs(context, stack, aws);
  if (found === undefined) return undefined;
  const { settings, builder, images, runtime } = found;
  const program = programDigest(await digestsOfFiles(context.root, await filesBelow(context.root, isOfBuild)));
  const digest = digestOf([images, settings, builder ?? null, program]);
  return { digest, images, runtime, stateId: aws.stateId };
}

/**
 * The result of the last run, when it was made from the same and its state is as it left it. Where there was none, nothing is
 * waited for.
 */
export async function unchangedRelease(
  root: string,
  stack: Environment,
  begun: Promise<Inputs | undefined>,
): Promise<Release | undefined> {
  const [recorded, state] = await Promise.all([readRecorded(root, stack), stateDigest(root, stack)]);
  if (recorded === undefined || state === undefined || recorded.state !== state) return undefined;
  const inputs = await begun;
  // After a loss the recorded state tells of what is not there any more.
  if (recorded.inputs !== inputs?.digest || (await recordedStateId(root)) !== inputs.stateId) return undefined;
  const images = recorded.release.images.map(({ seconds: _, ...image }) => ({
    ...image,
    result: "unchanged" as const,
  }));
  const { create = 0, update = 0, delete: deleted = 0, same = 0 } = recorded.release.changes ?? {};
  const all = create + update + same - deleted;
  return { ...recorded.release, images, changes: { create: 0, update: 0, delete: 0, same: all } };
}

/** Content digests that the last run that built everything was made from, by the images' names. */
export async function lastContentDigests(
  root: string,
  stack: Environment,
): Promise<Record<string, string> | undefined> {
  return (await readRecorded(root, stack))?.images;
}

/** Remembers a run that ended well, when what it built is what its inputs said. */
export async function recordRelease(
  root: string,
  stack: Environment,
  inputs: Inputs | undefined,
  release: Release,
  outputs: ImagesOutputs,
): Promise<void> {
  if (inputs === undefined) return;
  const built = Object.fromEntries(Object.entries(outputs.images).map(([name, image]) => [name, image.contentDigest]));
  const same = Object.keys(inputs.images).every((name) => inputs.images[name] === built[name]);
  const state = await stateDigest(root, stack);
  // Edited while it was built: the next run finds out.
  if (!same || state === undefined) return;
  const recorded: Recorded = { inputs: inputs.digest, images: inputs.images, state, release };
  await writeWhole(recordFile(root, stack), JSON.stringify(recorded));
}

/** Beside the state: where that is thrown away, so is this. */
const recordFile = (root: string, stack: Environment) => path.join(stateFolder(root), `${stack.name}.release.json`);

async function readRecorded(root: string, stack: Environment): Promise<Recorded | undefined> {
  try {
    return JSON.parse(await readFile(recordFile(root, stack), "utf8")) as Recorded;
  } catch {
    return undefined;
  }
}

async function stateDigest(root: string, stack: Environment): Promise<string | undefined> {
  const content = await readFile(stateFile(root, stack)).catch(() => undefined);
  return content && createHash("sha256").update(content).digest("hex");
}

/** What decides about more than the images' content: repository, policies, tags. */
const isOfBuild = (file: string) =>
  /^(?:automation|components)(?:\/|$)/.test(file)
    ? !/\.[^/]*$/.test(file) || file.endsWith(".ts")
    : ["index.ts", "Pulumi.yaml", "package.json", "package-lock.json"].includes(file);
