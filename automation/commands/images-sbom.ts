import { readFile } from "node:fs/promises";
import type { Values } from "../cli/specification";
import { TributaryError } from "../errors";
import { checkNames, imageNames } from "../release/build";
import { sbomFile } from "../sbom";
import type { CommandContext, Outcome } from "./context";

/** `tributary images sbom <name>` */
export async function run({ root }: CommandContext, values: Values): Promise<Outcome> {
  const name = String(values.name);
  checkNames([name], imageNames(root));
  const file = sbomFile(root, name);
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) {
    throw new TributaryError(`there is no bill of materials of ${name} in this checkout (${file})`, {
      code: "SbomMissing",
      next: `tributary images build ${name}`,
    });
  }
  return { document: JSON.parse(text) as unknown, text };
}
