import type { EnvironmentPlan, StackPlan } from "./types";
import { canonicalJson } from "../json";

/** Something that is the same in some stacks, told once. */
export interface Shared<T> {
  /** The stacks, in the plan's order. */
  stacks: string[];
  /** With `<region>`, `<account>` and `<stack>` where these stand; as it is when the plan has one stack. */
  item: T;
}

/** What is the same in the same stacks. */
export interface SharedGroup<T> {
  stacks: string[];
  items: T[];
}

/**
 * Tells what is the same in several stacks once: their regions, accounts and names are taken for equal, nothing else.
 *
 * @param itemsOf what to compare
 * @returns in the order of their first stack
 */
export function shared<T>(
  { stacks }: Pick<EnvironmentPlan, "stacks">,
  itemsOf: (stack: StackPlan) => T[],
): Shared<T>[] {
  const found = new Map<string, Shared<T>>();
  for (const stack of stacks) {
    const general = stacks.length > 1 ? generaliser(stack) : undefined;
    for (const [index, original] of countedTwice(itemsOf(stack)).entries()) {
      const item = general ? (general(original.item) as T) : original.item;
      const key = canonicalJson([item, stacks.length > 1 ? original.copy : index]);
      const former = found.get(key);
      if (former) former.stacks.push(stack.target.stack);
      else found.set(key, { stacks: [stack.target.stack], item });
    }
  }
  return [...found.values()];
}

/** Puts together what is the same in the same stacks: first what is in most of them. */
export function grouped<T>(items: Shared<T>[]): SharedGroup<T>[] {
  const groups = new Map<string, SharedGroup<T>>();
  for (const { stacks, item } of items) {
    const key = stacks.join("\n");
    const group = groups.get(key) ?? { stacks, items: [] };
    group.items.push(item);
    groups.set(key, group);
  }
  return [...groups.values()].sort((a, b) => b.stacks.length - a.stacks.length);
}

/** Two equal items of one stack stay two: the second is told apart by its number. */
function countedTwice<T>(items: T[]): { item: T; copy: number }[] {
  const counts = new Map<string, number>();
  return items.map((item) => {
    const key = canonicalJson(item);
    const copy = counts.get(key) ?? 0;
    counts.set(key, copy + 1);
    return { item, copy };
  });
}

/** Replaces a stack's own region, account and name, wherever they stand as a word, by placeholders. */
function generaliser({ target, account }: Pick<StackPlan, "target" | "account">): (value: unknown) => unknown {
  const words: [RegExp, string][] = [
    // A further region's stack has a dot in its name; "dev" alone is a word of many names, and the same in all stacks.
    ...(target.stack.includes(".") ? [[word(target.stack), "<stack>"] as [RegExp, string]] : []),
    [word(target.region), "<region>"],
    ...(account === undefined ? [] : [[word(account), "<account>"] as [RegExp, string]]),
  ];
  const text = (value: string) => {
    if (value === target.stack) return "<stack>";
    const replaced = value.replace(/^urn:pulumi:[^:]+::/, "urn:pulumi:<stack>::");
    return words.reduce((result, [pattern, placeholder]) => result.replace(pattern, placeholder), replaced);
  };
  const general = (value: unknown): unknown => {
    if (typeof value === "string") return text(value);
    if (Array.isArray(value)) return value.map(general);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [text(key), general(inner)]));
  };
  return general;
}

function word(text: string): RegExp {
  const escaped = text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`(?<![A-Za-z0-9])${escaped}(?![A-Za-z0-9])`, "g");
}
