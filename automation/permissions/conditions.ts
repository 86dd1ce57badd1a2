import { addresses, instant, type Interval } from "./intervals";
import { ARN_PARTS, arnSet, type TextSet, textSet, UNKNOWN_TEXT } from "./patterns";
import { list } from "./principals";
import type { PolicyStatement } from "./types";

/** The values for which an operator holds. `negated`: all others. */
export type Values =
  | { kind: "texts"; set: TextSet; negated: boolean; bool?: true }
  | { kind: "numbers" | "dates" | "addresses"; intervals: readonly Interval[]; negated: boolean }
  /** `Null`: only whether the key is there. */
  | { kind: "presence" }
  /** Not understood: equal only to itself. */
  | { kind: "opaque"; reason: string };

/** One key of one operator of a statement's `Condition`. */
export interface Condition {
  /** Equal for conditions that mean the same. */
  id: string;
  /** Lower case. */
  key: string;
  /** `one`: the key has one value. `any`, `all`: of the key's values, at least one, or each, has to be one of these. */
  quantifier: "one" | "any" | "all";
  /** Whether it holds if the request has no such key. */
  ifAbsent: boolean | "perhaps";
  values: Values;
  /** For people. */
  text: string;
}

/** How a document's conditions are to be read. */
export interface ConditionContext {
  /** Version 2012-10-17: `${…}` are variables. */
  variables: boolean;
  /** Keys (lower case) that hold many values, for which operators without a set operator are not defined. */
  multivalued: ReadonlySet<string>;
}

const OPERATOR = /^(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?$/i;

/**
 * The conditions of a statement; all of them must hold.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
 */
export function conditionsOf(statement: PolicyStatement, context: ConditionContext): Condition[] {
  return Object.entries(statement.Condition ?? {}).flatMap(([operator, keys]) =>
    Object.entries(keys ?? {}).map(([key, values]) => condition(operator, key, list(values).map(String), context)),
  );
}

/** A condition that nobody can look into: a policy or operator whose content is not known here. */
export function opaqueCondition(name: string, reason: string): Condition {
  const values: Values = { kind: "opaque", reason };
  return { id: `opaque ${name}`, key: `opaque ${name}`, quantifier: "one", ifAbsent: "perhaps", values, text: reason };
}

function condition(operator: string, name: string, texts: readonly string[], context: ConditionContext): Condition {
  const [, set = "", base = "", exists] = OPERATOR.exec(operator) ?? [];
  const key = name.toLowerCase();
  const quantifier = /all/i.test(set) ? "all" : /any/i.test(set) ? "any" : "one";
  const values = valuesOf(base.toLowerCase(), key, quantifier, texts, context);
  const negative = "negated" in values && values.negated;
  const id = conditionId([key, quantifier, base.toLowerCase(), !!exists, [...texts].sort(), context.variables]);
  const text = `${name} ${set && `${set}:`}${base}${exists ?? ""} ${texts.join(" | ")}`;
  if (values.kind === "presence") return nullCondition({ id, key, text }, texts);
  return { id, key, quantifier, values, text, ifAbsent: ifAbsent(quantifier, negative, !!exists) };
}

let unknownConditions = 0;

/** Two texts that only the deployment will know look alike and need not be: such a condition is only equal to itself. */
function conditionId(parts: readonly unknown[]): string {
  const id = JSON.stringify(parts);
  return id.includes(UNKNOWN_TEXT) ? `${id} ${++unknownConditions}` : id;
}

/** `Null` with `true`: the key must not be there; with both, or with neither, it says nothing that can be understood. */
function nullCondition(named: Pick<Condition, "id" | "key" | "text">, texts: readonly string[]): Condition {
  const wanted = new Set(texts.map((text) => text.toLowerCase()));
  const clear = wanted.size === 1 && (wanted.has("true") || wanted.has("false"));
  const values: Values = clear ? { kind: "presence" } : { kind: "opaque", reason: "Null needs true or false" };
  return { ...named, quantifier: "one", values, ifAbsent: clear ? wanted.has("true") : "perhaps" };
}

function ifAbsent(quantifier: Condition["quantifier"], negative: boolean, exists: boolean): Condition["ifAbsent"] {
  if (exists || quantifier === "all") return true;
  if (quantifier === "any") return negative ? "perhaps" : false;
  return negative;
}

function valuesOf(
  base: string,
  key: string,
  quantifier: Condition["quantifier"],
  texts: readonly string[],
  context: ConditionContext,
): Values {
  if (base === "null") return { kind: "presence" };
  if (quantifier === "one" && context.multivalued.has(key)) {
    return { kind: "opaque", reason: `${key} has many values and needs ForAnyValue or ForAllValues` };
  }
  const negated = /^(string|arn|numeric|date|binary)not/.test(base) || base === "notipaddress";
  const positive = base.replace(/^(string|arn|numeric|date|binary)not/, "$1").replace(/^notip/, "ip");
  const values = textValues(positive, key, texts, context) ?? rangeValues(positive, texts);
  if (!values) return { kind: "opaque", reason: `${base} with ${texts.join(", ") || "no value"} is not understood` };
  return { ...values, negated } as Values;
}

function textValues(
  operator: string,
  key: string,
  texts: readonly string[],
  { variables }: ConditionContext,
): Values | undefined {
  const plain = { wildcards: false, variables };
  switch (operator) {
    case "stringequals":
    case "binaryequals":
    case "binary":
      return { kind: "texts", negated: false, set: textSet(texts, plain) };
    case "stringequalsignorecase":
      return { kind: "texts", negated: false, set: textSet(texts, { ...plain, ignoreCase: true }) };
    case "stringlike":
      return { kind: "texts", negated: false, set: textSet(texts, { variables }) };
    case "arnequals":
    case "arnlike":
      return texts.every((text) => text.split(":").length >= ARN_PARTS || !/[*?]/.test(text))
        ? { kind: "texts", negated: false, set: arnSet(texts, { variables }) }
        : undefined;
    case "bool": {
      const set = textSet(texts, { ...plain, ignoreCase: true });
      return { kind: "texts", negated: false, set, ...(!key.includes("tag/") && { bool: true as const }) };
    }
    default:
      return undefined;
  }
}

function rangeValues(operator: string, texts: readonly string[]): Values | undefined {
  if (operator === "ipaddress") return ranges("addresses", texts.map(addresses));
  const [, family, comparison = ""] = /^(numeric|date)(.*)$/.exec(operator) ?? [];
  const parse = family === "numeric" ? number : family === "date" ? instant : undefined;
  const bound = parse && bounds[comparison];
  if (!bound) return undefined;
  const ends = texts.map(parse);
  return ranges(
    family === "numeric" ? "numbers" : "dates",
    ends.map((end) => (end === undefined ? undefined : bound(end))),
  );
}

const bounds: Readonly<Record<string, (end: number) => Interval>> = {
  equals: (end) => ({ low: end, high: end }),
  lessthan: (end) => ({ low: -Infinity, high: end, withHigh: false }),
  lessthanequals: (end) => ({ low: -Infinity, high: end }),
  greaterthan: (end) => ({ low: end, high: Infinity, withLow: false }),
  greaterthanequals: (end) => ({ low: end, high: Infinity }),
};

function number(text: string): number | undefined {
  const value = Number(text);
  return text.trim() === "" || Number.isNaN(value) ? undefined : value;
}

function ranges(kind: "numbers" | "dates" | "addresses", found: readonly (Interval | undefined)[]): Values | undefined {
  const intervals = found.filter((interval) => interval !== undefined);
  return intervals.length === found.length ? { kind, intervals, negated: false } : undefined;
}
