import type { CommandContext } from "../commands/context";
import { silent } from "../events";
import { allImages, prepareImages, type PreparedImage } from "../images";
import type { LocalAws } from "../local";
import type { Environment } from "../stacks/environments";
import { buildSettingsOf } from "../stacks/imageSettings";

/** What the images of a run that builds them into the local AWS would be made from. */
export interface ImageInputs {
  /** Text of the run's settings, with what this machine decides. */
  settings: string;
  /** Name of the person's own builder. */
  builder: string | undefined;
  /** Content digests by the images' names. */
  images: Record<string, string>;
  /** The image that functions are built from. */
  runtime: PreparedImage;
}

/**
 * What such a run would build, without an engine; undefined where a base image is named by a tag, which only its registry can resolve.
 *
 * @throws user error `InvalidImages`, as a run would
 */
export async function imageInputs(
  context: CommandContext,
  stack: Environment,
  aws: LocalAws,
): Promise<ImageInputs | undefined> {
  // Silent: a run beside it says the same.
  const { text, builder, prepare } = await buildSettingsOf({ ...context, sink: silent }, stack, aws);
  if (prepare === undefined) return undefined;
  const prepared = await prepareImages(context.root, prepare, silent);
  const images = Object.fromEntries(allImages(prepared).map((image) => [image.name, image.contentDigest]));
  return { settings: text, builder, images, runtime: prepared.runtime };
}
