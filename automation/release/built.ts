import { readFile } from "node:fs/promises";
import { z } from "zod";
import { messageOf, userError } from "../errors";
import { LAYER, RUNTIME } from "../images";
import type { Environment } from "../stacks/environments";

/** What is read of `images build --json`. */
const buildSchema = z.object({
  images: z.array(
    z.object({ name: z.string().min(1).max(100), uri: z.string().regex(/^\S{1,400}@sha256:[0-9a-f]{64}$/) }),
  ),
});

/** Why an environment takes no images of a build: its settings choose them in another way. Undefined: it takes them. */
export function notPinned({ image, builds }: Pick<Environment, "image" | "builds">): string | undefined {
  if (!image) return "its functions are archives, which a deployment packs itself";
  return builds ? "its deployment builds its images itself" : undefined;
}

/**
 * Functions and their images, from the document of a build; the images that others are made from are left out.
 *
 * @throws user error `ImagesFileInvalid`
 */
export async function builtFunctions(file: string): Promise<Record<string, string>> {
  const invalid = (why: string) =>
    userError(
      "ImagesFileInvalid",
      `${file} is no document of \`images build --json\`: ${why}`,
      "tributary images build --json > FILE",
    );
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw invalid(messageOf(error));
  });
  const parsed = buildSchema.safeParse(parse(text));
  if (!parsed.success) throw invalid(parsed.error.issues[0]!.message);
  const functions = parsed.data.images.filter(({ name }) => ![LAYER, RUNTIME].includes(name));
  if (functions.length === 0) throw invalid("it names no function");
  return Object.fromEntries(functions.map(({ name, uri }) => [name, uri]));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
