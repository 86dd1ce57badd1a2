import { table } from "../cli/render/table";
import type { Values } from "../cli/specification";
import { runningIn } from "../release/environment";
import { digestsEverywhere, writeDigests, type PromotedImage } from "../release/promote";
import { parseReference, shortDigest } from "../release/reference";
import { userError } from "../errors";
import { environmentStacks, findEnvironment, type Environment } from "../stacks/environments";
import * as path from "node:path";
import type { CommandContext, Outcome } from "./context";

/** `tributary promote <from> <to>` */
export async function run({ root, sink }: CommandContext, values: Values): Promise<Outcome> {
  const [from, to] = [findEnvironment(root, String(values.from)), findEnvironment(root, String(values.to))];
  if (from.name === to.name) {
    const message = `promote takes two environments; found ${from.name} twice`;
    throw userError("SameEnvironment", message, "tributary promote --help");
  }
  const { stacks } = environmentStacks(root, from.env);
  const all = await Promise.all(
    stacks.map(async (stack) => ({ region: stack.region ?? stack.name, ...(await runningIn(root, stack)) })),
  );
  const { changed, same } = await writeDigests(to.file, digestsEverywhere(all, from.env));
  for (const text of doubts(from, to)) sink({ type: "message", level: "warning", text });
  const next = `tributary deploy ${to.name}`;
  const file = path.relative(root, to.file);
  return {
    document: { ok: true, from: from.name, to: to.name, file, changed, same, next },
    text: describe(changed, same, { from: from.name, file, next }),
  };
}

/** What may keep the promoted images from running in the second environment, as its settings are now. */
export function doubts(from: Environment, to: Environment): string[] {
  const only = `the images that ${from.name} runs are on this machine only: ${to.name} cannot pull them (tributary images build --push)`;
  const other = `${from.name} runs on ${from.architecture}, and ${path.basename(to.file)} says ${to.architecture}: set tributary:architecture there, too`;
  return [...(from.local && !to.local ? [only] : []), ...(from.architecture === to.architecture ? [] : [other])];
}

/** What was written, and what comes next. */
export function describe(
  changed: PromotedImage[],
  same: number,
  { from, file, next }: { from: string; file: string; next: string },
): string {
  if (changed.length === 0) return `${file} already lists the ${same} images that ${from} runs\n`;
  const rows = changed.map((image) => ({ function: image.name, before: cell(image.from), now: cell(image.to) }));
  const count = `${file}: ${changed.length} changed, ${same} the same; nothing is deployed yet\nnext: ${next}\n`;
  return `${table(["function", "before", "now"], rows)}\n${count}`;
}

function cell(uri: string | undefined): string {
  if (uri === undefined) return "none";
  try {
    return shortDigest(parseReference(uri).digest);
  } catch {
    return uri;
  }
}
