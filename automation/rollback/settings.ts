import type { Deployment } from "../records";
import type { Environment } from "../stacks/environments";
import { recordedKeys } from "../records/settings";

/**
 * The settings of a rollback, to be laid over a stack's own: those of the record, exactly. What the record does not have is
 * taken away; secrets, which no record holds, stay as the settings file says them now. Functions get the images that they ran.
 *
 * @param present `config` of the stack's settings as they are now
 */
export function runSettingsOf(record: Deployment, present: Record<string, unknown>): Record<string, unknown> {
  const away = Object.keys(present).filter((key) => recordedKeys.test(key) && !record.secretSettings.includes(key));
  const none = Object.fromEntries(away.map((key) => [key, undefined]));
  return { ...none, ...record.settings, ...imagesOf(record) };
}

/** Images by their digests; a stack that builds its images in itself has no others and builds them again. */
function imagesOf({ settings, images }: Deployment): Record<string, unknown> {
  const fixed = runsImages(settings) && settings["tributary:images"] !== "build" && images !== undefined;
  return fixed ? { "tributary:images": images } : {};
}

const runsImages = (settings: Record<string, unknown>) => settings["tributary:packaging"] === "image";

/** A stack as the driver has to see it for a rollback: what its settings say about images is what they said then. */
export function adapted(stack: Environment, record: Deployment | undefined): Environment {
  if (!record) return stack;
  const image = runsImages(record.settings);
  const architecture = record.settings["tributary:architecture"];
  return {
    ...stack,
    image,
    builds: image && record.settings["tributary:images"] === "build",
    ...(typeof architecture === "string" ? { architecture } : {}),
  };
}
