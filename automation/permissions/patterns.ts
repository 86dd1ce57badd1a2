/** One element of a pattern: a character (or its two cases), any one character, or any text. */
type Token =
  | { kind: "char"; chars: string }
  | { kind: "one" }
  | { kind: "many"; except?: string }
  /** A policy variable: a text that only the request knows. */
  | { kind: "variable"; letter: string }
  /** A part that only the deployment will know. */
  | { kind: "unknown" };

/** A pattern of a policy, compiled. */
export interface Pattern {
  text: string;
  tokens: readonly Token[];
}

/** A union of patterns. `id` is equal for equal sets. */
export interface TextSet {
  id: string;
  patterns: readonly Pattern[];
}

/** How a text of a policy is to be read. */
export interface PatternOptions {
  /** `*` and `?` are wildcards. @default true */
  wildcards?: boolean;
  /** Upper and lower case are the same. @default false */
  ignoreCase?: boolean;
  /** `${…}` are policy variables (Version 2012-10-17). @default false */
  variables?: boolean;
  /** Wildcards stop at this character. */
  except?: string;
}

/** What the engine writes in a preview where a text is not known yet (pulumi: sdk/go/common/resource/plugin UnknownStringValue). */
export const UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** First of the letters that stand for policy variables: Unicode's private use area, which no ARN contains. */
const FIRST_LETTER = 0xe000;
const LAST_LETTER = 0xf8ff;
const letters = new Map<string, string>();

function letterOf(variable: string): string {
  const known = letters.get(variable);
  if (known !== undefined) return known;
  const letter = String.fromCharCode(Math.min(FIRST_LETTER + letters.size, LAST_LETTER));
  letters.set(variable, letter);
  return letter;
}

/** True for a letter that stands for a policy variable. */
export function isVariableLetter(letter: string): boolean {
  const code = letter.charCodeAt(0);
  return code >= FIRST_LETTER && code <= LAST_LETTER;
}

/**
 * Compiles a text of a policy.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html (`${*}`, `${?}`, `${$}` are characters)
 */
export function compile(text: string, options: PatternOptions = {}): Pattern {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length;) at += readToken(text, at, options, tokens);
  return { text, tokens };
}

function readToken(text: string, at: number, options: PatternOptions, tokens: Token[]): number {
  const char = text[at] as string;
  if (char === UNKNOWN_TEXT[0] && text.startsWith(UNKNOWN_TEXT, at)) {
    tokens.push({ kind: "unknown" });
    return UNKNOWN_TEXT.length;
  }
  if (options.variables && text.startsWith("${", at)) {
    const end = text.indexOf("}", at);
    if (end > at) {
      const name = text.slice(at + 2, end);
      const escaped = /^[*?$]$/.test(name);
      tokens.push(
        escaped ? character(name, options) : { kind: "variable", letter: letterOf(name.trim().toLowerCase()) },
      );
      return end + 1 - at;
    }
  }
  if (options.wildcards !== false && char === "*") {
    if (tokens.at(-1)?.kind !== "many")
      tokens.push({ kind: "many", ...(options.except && { except: options.except }) });
  } else if (options.wildcards !== false && char === "?") tokens.push({ kind: "one" });
  else tokens.push(character(char, options));
  return 1;
}

function character(char: string, { ignoreCase }: PatternOptions): Token {
  const [lower, upper] = [char.toLowerCase(), char.toUpperCase()];
  const cased = ignoreCase && lower !== upper && lower.length === 1 && upper.length === 1;
  return { kind: "char", chars: cased ? lower + upper : char };
}

const ids = new Map<string, string>();

/** A short name for a content: sets are compared by it all the time. */
function shortId(content: string): string {
  const known = ids.get(content) ?? `s${ids.size}`;
  ids.set(content, known);
  return known;
}

/** A union of texts, all read in the same way. */
export function textSet(texts: readonly string[], options: PatternOptions = {}): TextSet {
  const sorted = [...new Set(texts)].sort();
  const flags = [options.wildcards !== false, !!options.ignoreCase, !!options.variables, options.except ?? ""];
  return { id: shortId(JSON.stringify([flags, sorted])), patterns: sorted.map((text) => compile(text, options)) };
}

/** Parts of an ARN, parted by colons; the last one may hold more colons. */
export const ARN_PARTS = 6;

/** ARNs as `ArnLike` reads them: the parts are compared one by one, so only a wildcard of the last part reaches over colons. */
export function arnSet(texts: readonly string[], options: PatternOptions = {}): TextSet {
  const sorted = [...new Set(texts)].sort();
  const patterns = sorted.map((text) => {
    const parts = text.split(":");
    const head = parts.slice(0, ARN_PARTS - 1).map((part) => `${part}:`);
    const start = compile(head.join(""), { ...options, except: ":" });
    const end = compile(parts.slice(ARN_PARTS - 1).join(":"), options);
    return {
      text,
      tokens: parts.length < ARN_PARTS ? compile(text, options).tokens : [...start.tokens, ...end.tokens],
    };
  });
  return { id: shortId(JSON.stringify(["arn", !!options.variables, options.except ?? "", sorted])), patterns };
}

/** Whether a text matches a wildcard pattern; in linear memory and without backtracking over more than the last `*`. */
export function globMatches(pattern: string, text: string): boolean {
  let [at, p, star, mark] = [0, 0, -1, 0];
  while (at < text.length) {
    if (p < pattern.length && pattern[p] === "*") [star, mark, p] = [p, at, p + 1];
    else if (p < pattern.length && (pattern[p] === "?" || pattern[p] === text[at])) [p, at] = [p + 1, at + 1];
    else if (star >= 0) [p, mark, at] = [star + 1, mark + 1, mark + 1];
    else return false;
  }
  while (pattern[p] === "*") p++;
  return p === pattern.length;
}

/** True if some text of the set is only known by the request or by the deployment. */
export function hasVariables(set: TextSet): boolean {
  return set.patterns.some(({ tokens }) => tokens.some(({ kind }) => kind === "variable"));
}

/** True if some text of the set holds a part that only the deployment will know. */
export function hasUnknowns(set: TextSet): boolean {
  return set.patterns.some(({ tokens }) => tokens.some(({ kind }) => kind === "unknown"));
}
export type { Token };
