import * as path from "node:path";
import type { Values } from "../cli/specification";
import { LAYER, RUNTIME } from "../images";
import { invalidDocument, readBuildDocument } from "../release/document";
import { writeDigests } from "../release/promote";
import { findEnvironment, type Environment } from "../stacks/environments";
import { describe } from "./promote";
import type { CommandContext, Outcome } from "./context";

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
  const functions = await readBuildDocument(file, (name) => ![LAYER, RUNTIME].includes(name));
  if (Object.keys(functions).length === 0) throw invalidDocument(file, "it names no function");
  return functions;
}
