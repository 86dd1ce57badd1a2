import { oneLine } from "../cli/render/text";
import type { SelectedStack } from "./index";

/** Why stacks were chosen, a line for each reason; nothing of those that were not. */
export function describeSelection(selection: SelectedStack[]): string {
  const chosen = selection.filter((each) => each.chosen);
  return chosen
    .map(({ target, why }) => why.map(({ text }) => `${target.stack}: ${oneLine(text)}\n`).join(""))
    .join("");
}
