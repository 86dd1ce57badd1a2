import { table } from "../cli/render/table";
import type { Values } from "../cli/specification";
import { compareFunctions, type ComparedImage, type Comparison } from "../release/compare";
import { runningIn } from "../release/environment";
import { shortDigest } from "../release/reference";
import { findEnvironment } from "../stacks/environments";
import type { CommandContext, Outcome } from "./context";

/** `tributary images diff <from> <to>` */
export async function run({ root }: CommandContext, values: Values): Promise<Outcome> {
  const [from, to] = [findEnvironment(root, String(values.from)), findEnvironment(root, String(values.to))];
  const [left, right] = await Promise.all([runningIn(root, from), runningIn(root, to)]);
  const known = new Map([...left.known, ...right.known]);
  const images = compareFunctions(left.running, right.running, known);
  const same = images.filter(({ result }) => result === "same").length;
  return {
    document: { from: from.name, to: to.name, same, images },
    text: describe(images, same, from.name, to.name),
  };
}

/** What differs, as a table; what is the same is only counted. */
export function describe(images: Comparison[], same: number, from: string, to: string): string {
  const rows = images
    .filter(({ result }) => result !== "same")
    .map(({ name, result, from: left, to: right }) => ({
      function: name,
      result,
      [from]: cell(left),
      [to]: cell(right),
    }));
  const count = `${same} of ${images.length} functions run the same image\n`;
  return rows.length === 0 ? count : `${table(["function", "result", from, to], rows)}\n${count}`;
}

function cell(image: ComparedImage | undefined): string {
  if (!image) return "none";
  const time = image.pushedAt?.replace("T", " ").replace(/:\d\d(\.\d+)?Z$/, "Z");
  return [shortDigest(image.digest), image.commit === undefined ? "" : `commit ${image.commit}`, time ?? ""]
    .filter(Boolean)
    .join(", ");
}
