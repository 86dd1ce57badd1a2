import type { Condition } from "./conditions";
import { disjoint, type IntervalSet } from "./intervals";
import { emptiness } from "./languages";
import { type TextSet, textSet } from "./patterns";

/** Conditions that hold, and conditions that do not. */
export interface ContextRegion {
  holds: readonly Condition[];
  fails: readonly Condition[];
}

/** A condition, and whether it is to hold. */
interface Literal {
  condition: Condition;
  holds: boolean;
}

const TRUE_OR_FALSE = textSet(["true", "false"], { wildcards: false });

/** True only if it is proven that no request meets the region. */
export function impossible({ holds, fails }: ContextRegion): boolean {
  const literals = [
    ...holds.map((condition) => ({ condition, holds: true })),
    ...fails.map((condition) => ({ condition, holds: false })),
  ];
  const keys = new Map<string, Literal[]>();
  for (const literal of literals) {
    const { key } = literal.condition;
    keys.set(key, [...(keys.get(key) ?? []), literal]);
  }
  return [...keys.values()].some(keyImpossible);
}

/** The same, for the conditions of one key. */
function keyImpossible(literals: readonly Literal[]): boolean {
  if (contradiction(literals)) return true;
  if (literals.every(({ condition, holds }) => condition.ifAbsent === "perhaps" || condition.ifAbsent === holds))
    return false;
  if (literals.some(forbidsPresence)) return true;
  return singleImpossible(literals) || manyImpossible(literals);
}

function contradiction(literals: readonly Literal[]): boolean {
  const holding = new Set(literals.filter(({ holds }) => holds).map(({ condition }) => condition.id));
  return literals.some(({ condition, holds }) => !holds && holding.has(condition.id));
}

/** `Null: true` that holds, or `Null: false` that does not: the key is not there. */
function forbidsPresence({ condition, holds }: Literal): boolean {
  return condition.values.kind === "presence" && condition.ifAbsent === holds;
}

/** No one value meets all conditions without a set operator. */
function singleImpossible(literals: readonly Literal[]): boolean {
  const single = literals.filter(({ condition }) => condition.quantifier === "one");
  if (noText(single.map(textConstraint).filter((each) => each !== undefined))) return true;
  return (["numbers", "dates", "addresses"] as const).some((kind) => {
    const sets = single.map((literal) => intervalConstraint(literal, kind)).filter((each) => each !== undefined);
    return sets.length > 0 && disjoint(sets);
  });
}

/** Values lie in the set, or outside of it. */
interface TextConstraint {
  set: TextSet;
  inside: boolean;
  bool: boolean;
}

function textConstraint({ condition, holds }: Literal): TextConstraint | undefined {
  const { values } = condition;
  if (values.kind !== "texts") return undefined;
  return { set: values.set, inside: values.negated !== holds, bool: !!values.bool };
}

function noText(constraints: readonly TextConstraint[]): boolean {
  if (constraints.length === 0) return false;
  const within = constraints.filter(({ inside }) => inside).map(({ set }) => set);
  const without = constraints.filter(({ inside }) => !inside).map(({ set }) => set);
  if (constraints.some(({ bool }) => bool)) within.push(TRUE_OR_FALSE);
  return emptiness({ within, without }).empty;
}

function intervalConstraint({ condition, holds }: Literal, kind: string): IntervalSet | undefined {
  const { values } = condition;
  if (values.kind !== kind || !("intervals" in values)) return undefined;
  return { intervals: values.intervals, negated: values.negated === holds };
}

/**
 * No set of values meets all conditions with set operators. "All values in V" and "not any value in W" bound the set from
 * above; "any value in U" and "not all values in V" each want one value within those bounds.
 */
function manyImpossible(literals: readonly Literal[]): boolean {
  const many = literals.filter(({ condition }) => condition.quantifier !== "one");
  if (many.length === 0) return false;
  const bounds = many.filter(({ condition, holds }) => (condition.quantifier === "all") === holds);
  const wishes = many.filter((literal) => !bounds.includes(literal));
  const allowed = bounds.map(textConstraint).filter((each) => each !== undefined);
  return wishes.some((literal) => {
    const wish = textConstraint(literal);
    return wish !== undefined && noText([...allowed, wish]);
  });
}
