import type { ResourceStates } from "./collect";
import { changesBetween, join, readable } from "./diff";
import type { Json, PropertyChange } from "./types";
import { holdsSecret, isNoise, presentable, SECRET } from "./values";

type Members = { [key: string]: Json };

/**
 * The property changes of a resource that matter: the program's inputs before and after. What only the provider computes
 * is left out, unless it is all that there is.
 */
export function plannedChanges({ operation, old, new: asked, diffs }: ResourceStates): PropertyChange[] {
  if (operation === "delete" || operation === "forget") return [];
  const after = inputsOf(asked?.inputs);
  if (operation === "create" || operation === "import" || old === undefined) return additions(after, asked?.inputs);
  const before = inputsOf(old.inputs);
  const changes = changesBetween(before, after);
  const told = new Set(changes.map(({ path }) => top(path)));
  const others = [...new Set(diffs.map(top))].filter((name) => name !== "" && !isNoise(name) && !told.has(name));
  const hidden = others.filter((name) => holdsSecret(asked?.inputs?.[name]) || holdsSecret(old.inputs?.[name]));
  const secrets = hidden.map((name): PropertyChange => ({ path: name, kind: "change", before: SECRET, after: SECRET }));
  if (changes.length + secrets.length > 0) return [...changes, ...secrets];
  // The program asks for the same: the resource itself is not what it was, or a new version of the provider sees it so.
  return others.map((name) => inCloud(name, old.outputs ?? {}, after));
}

function inCloud(name: string, outputs: Record<string, unknown>, after: Members): PropertyChange {
  const is = Object.hasOwn(outputs, name) ? presentable(outputs[name]) : undefined;
  const wanted = Object.hasOwn(after, name) ? after[name] : undefined;
  return {
    path: name,
    kind: is === undefined ? "add" : wanted === undefined ? "remove" : "change",
    ...(is === undefined ? {} : { before: readable(is, name) }),
    ...(wanted === undefined ? {} : { after: readable(wanted, name) }),
  };
}

/** What a new resource is asked to be. The provider's defaults, random names among them, are not part of what is asked. */
function additions(after: Members, inputs: Record<string, unknown> | undefined): PropertyChange[] {
  const defaults: unknown = inputs?.__defaults;
  const byItself = new Set(Array.isArray(defaults) ? defaults.map(String) : []);
  return Object.entries(after)
    .filter(([name]) => !byItself.has(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => ({ path: join("", name), kind: "add", after: readable(value, join("", name)) }));
}

function inputsOf(inputs: Record<string, unknown> | undefined): Members {
  return presentable(inputs ?? {}) as Members;
}

/** The property that a path begins with: `tags.team` and `tags["a b"]` are of `tags`. */
function top(path: string): string {
  return /^[^.[]*/.exec(path)![0];
}
