import { readFile } from "node:fs/promises";
import { z } from "zod";
import { messageOf, userError } from "../errors";

const name = z.string().min(1).max(100);
const uri = z.string().regex(/^\S{1,400}@sha256:[0-9a-f]{64}$/);

/** What is read of `images build --json`. */
const buildSchema = z.object({ images: z.array(z.looseObject({ name })) });

/**
 * Images of a build by their names, from the document that it printed.
 *
 * @param wanted names that are looked for: each that is there has to have its digest
 * @throws user error `ImagesFileInvalid`
 */
export async function readBuildDocument(
  file: string,
  wanted: (name: string) => boolean,
): Promise<Record<string, string>> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw invalidDocument(file, messageOf(error));
  });
  const parsed = buildSchema.safeParse(parse(text));
  if (!parsed.success) throw invalidDocument(file, parsed.error.issues[0]!.message);
  const found = parsed.data.images.filter((image) => wanted(image.name));
  const without = found.find((image) => !uri.safeParse(image.uri).success);
  if (without)
    throw invalidDocument(file, `${without.name} has no digest: found ${JSON.stringify(without.uri ?? null)}`);
  return Object.fromEntries(found.map((image) => [image.name, String(image.uri)]));
}

/** What is said of a file that is none, or that lacks what is looked for. */
export function invalidDocument(file: string, why: string, command = "tributary images build --json > FILE") {
  return userError("ImagesFileInvalid", `${file} is no document of \`images build --json\`: ${why}`, command);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
