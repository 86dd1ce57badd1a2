import { readFile } from "node:fs/promises";
import { z } from "zod";
import { messageOf, userError } from "../errors";

/** What is read of `images build --json`. */
const buildSchema = z.object({
  images: z.array(
    z.object({ name: z.string().min(1).max(100), uri: z.string().regex(/^\S{1,400}@sha256:[0-9a-f]{64}$/) }),
  ),
});

/**
 * Images of a build by their names, from the document that it printed.
 *
 * @throws user error `ImagesFileInvalid`
 */
export async function readBuildDocument(file: string): Promise<Record<string, string>> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw invalidDocument(file, messageOf(error));
  });
  const parsed = buildSchema.safeParse(parse(text));
  if (!parsed.success) throw invalidDocument(file, parsed.error.issues[0]!.message);
  return Object.fromEntries(parsed.data.images.map(({ name, uri }) => [name, uri]));
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
