import * as path from "node:path";
import type { Values } from "../cli/specification";
import { builtFunctions, notPinned } from "../release/built";
import { writeDigests } from "../release/promote";
import { findEnvironment } from "../stacks/environments";
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
