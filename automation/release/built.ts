import { LAYER, RUNTIME } from "../images";
import type { Environment } from "../stacks/environments";
import { invalidDocument, readBuildDocument } from "./document";

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
  const functions = await readBuildDocument(file, (name) => ![LAYER, RUNTIME].includes(name));
  if (Object.keys(functions).length === 0) throw invalidDocument(file, "it names no function");
  return functions;
}
