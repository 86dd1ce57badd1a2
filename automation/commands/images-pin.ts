import { readFile } from "node:fs/promises";
import * as path from "node:path";
import { z } from "zod";
import type { Values } from "../cli/specification";
import { messageOf, userError } from "../errors";
import { LAYER, RUNTIME } from "../images";
import { writeDigests } from "../release/promote";
import { findEnvironment, type Environment } from "../stacks/environments";
import { describe } from "./promote";
import type { CommandContext, Outcome } from "./context";

/** What is read of `images build --json`. */
const buildSchema = z.object({
  images: z.array(
    z.object({ name: z.string().min(1).max(100), uri: z.string().regex(/^\S{1,400}@sha256:[0-9a-f]{64}$/) }),
  ),
});

/** `tributary images pin <env> --from <file>` */
export async function run({ root }: CommandContext, values: Values): Promise<Outcome> {
  const environment = findEnvironment(root, String(values.env));
  const file = path.relative(root, environment.file);
  const why = notPinned(environment);
  if (why !== undefined) {
    return {
      document: { ok: true, env: environment.env, file, pinned: false, why },
      text: `${file} stays as it is: ${why}\n`,
    };
  }
  const from = String(values.from);
  const { changed, same } = await writeDigests(environment.file, await builtFunctions(from));
  const next = `tributary deploy ${environment.env}`;
  return {
    document: { ok: true, env: environment.env, file, pinned: true, changed, same, next },
    text: describe(changed, same, { from: path.basename(from), file, next }),
  };
}

/** Settings that choose their images in another way. */
function notPinned({ image, builds }: Environment): string | undefined {
  if (!image) return "its functions are archives, which a deployment packs itself";
  return builds ? "its deployment builds its images itself" : undefined;
}

/** Functions and their images, from the document of a build; the images that others are made from are left out. */
async function builtFunctions(file: string): Promise<Record<string, string>> {
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
