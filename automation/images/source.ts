import * as pulumi from "@pulumi/pulumi";
import { functionNames } from "../../components/lake/functions";
import { TributaryError, userError } from "../errors";
import type { Settings } from "../settings";

/**
 * Names every base image by its digest. One that has a digest already stays as it is; a tag is asked for at its registry,
 * so that a base that moved is seen, and builds what it is the base of.
 *
 * @throws TributaryError `BaseImageUnresolved`
 */
export async function pinnedBases(baseImages: Readonly<Record<string, string>>): Promise<Record<string, string>> {
  const pinned = Object.entries(baseImages).map(async ([name, image]) => [name, await pin(name, image)] as const);
  return Object.fromEntries(await Promise.all(pinned));
}

async function pin(argument: string, image: string): Promise<string> {
  if (image.includes("@sha256:")) return image;
  try {
    // Only loaded where a base has to be resolved: its provider is not everywhere.
    const docker = await import("@pulumi/docker");
    const { sha256Digest } = await docker.getRegistryImage({ name: image });
    return `${image}@${sha256Digest}`;
  } catch (error) {
    throw new TributaryError(
      `base image ${image} (tributary:imageBuild.baseImages.${argument}) cannot be resolved to a digest: ${(error as Error).message}`,
      {
        code: "BaseImageUnresolved",
        source: "cloud",
        next: "check the name and whether its registry can be reached, or write it with its digest: <repository>@sha256:…",
        cause: error,
      },
    );
  }
}

/**
 * The image of every function of a lake, as its setting `images` says, in the lake's region.
 *
 * @throws user error `ImagesMissing` that names every function without an image, before anything is created
 */
export async function promotedImages(settings: Settings): Promise<Record<string, string>> {
  const { images, region } = settings;
  if (images === "build") return {};
  const stack = "stack" in images ? images.stack : undefined;
  const found = stack === undefined ? (images as Record<string, string>) : await fromStack(stack as string, settings);
  const missing = functionNames.filter((name) => found[name] === undefined);
  if (missing.length > 0) throw missingImages(missing, stack as string | undefined, settings);
  return Object.fromEntries(functionNames.map((name) => [name, inRegion(found[name]!, region)]));
}

async function fromStack(stack: string, { project }: Settings): Promise<Record<string, string>> {
  const name = `${pulumi.getOrganization()}/${project}/${stack}`;
  await checkStack(name, stack);
  const { value } = await new pulumi.StackReference(name).getOutputDetails("images");
  return urisOf(value);
}

/** The engine ends a program that refers to a stack that is not there, before it can say what to do; a question it answers. */
async function checkStack(name: string, stack: string): Promise<void> {
  try {
    await pulumi.runtime.invoke("pulumi:pulumi:readStackOutputs", { name });
  } catch (error) {
    // Whatever else it is, the reference itself tells it.
    if (!/unknown stack/.test((error as Error).message)) return;
    throw userError(
      "ImagesMissing",
      `there is no stack ${stack} to take images from (${name}) where this stack's state is kept`,
      `${buildCommand(stack)} makes it; a stack of another backend is not seen: name its backend here as tributary:backend`,
    );
  }
}

/** The command that builds the images of a stack. */
function buildCommand(stack: string): string {
  if (stack === "images") return "npx tributary images build --push";
  return stack === "images.local" ? "npx tributary images build" : `pulumi up -s ${stack}`;
}

/** The stack `images`' output, read as what another version of this program may have written. */
function urisOf(value: unknown): Record<string, string> {
  if (typeof value !== "object" || value === null) return {};
  const entries = Object.entries(value).map(([name, image]) => [name, (image as { uri?: unknown } | null)?.uri]);
  return Object.fromEntries(entries.filter(([, uri]) => typeof uri === "string")) as Record<string, string>;
}

function missingImages(missing: readonly string[], stack: string | undefined, settings: Settings): Error {
  const where = stack === undefined ? `tributary:images in Pulumi.${settings.stack}.yaml names` : `stack ${stack} has`;
  return userError(
    "ImagesMissing",
    `${where} no image of ${missing.length} of ${functionNames.length} functions: ${missing.join(", ")}; with packaging: image every function needs one`,
    stack === undefined ? "npx tributary promote <from> <to> writes all of them" : `${buildCommand(stack)} builds them`,
  );
}

const ECR = /^(\d{12}\.dkr\.ecr(?:-fips)?)\.([a-z0-9-]+)(\.amazonaws\.[a-z.]+\/)/;

/** Lambda takes images only from its own region: copies have the same name there. */
function inRegion(uri: string, region: string): string {
  return uri.replace(ECR, (_, registry: string, _region: string, rest: string) => `${registry}.${region}${rest}`);
}
