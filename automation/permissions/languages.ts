import { hasUnknowns, hasVariables, isVariableLetter, type Pattern, type TextSet, type Token } from "./patterns";

/** What is known of the texts that lie in all of some sets and in none of others. */
export interface Emptiness {
  /** True only if proven: then there is no such text, whatever variables and unknown parts turn out to be. */
  empty: boolean;
  /** A shortest such text, where there is one. */
  example?: string;
  /** Set if the search was given up; `empty` is false then. */
  gaveUp?: true;
}

/** Texts in all of `within` and in none of `without`. */
export interface TextRegion {
  within: readonly TextSet[];
  without: readonly TextSet[];
}

/** Positions in patterns that one search may visit: far above real policies (some thousand), and about a second. */
const WORK_LIMIT = 4_000_000;
/** Remembered answers; policies of one stack ask the same question again and again. */
const MEMORY_LIMIT = 50_000;
const memory = new Map<string, Emptiness>();

/**
 * Whether no text lies in all sets of `within` and in none of `without`.
 *
 * Patterns are small automata, so the answer is exact for unions, intersections and complements of wildcard patterns. A part
 * that the deployment will know counts as anything in `within` and as nothing in `without`. A policy variable is one
 * letter as long as a single pattern is compared with the complements; where several sets meet, it counts as anything.
 */
export function emptiness(region: TextRegion): Emptiness {
  const key = `${region.within.map(({ id }) => id).join("&")}\\${region.without.map(({ id }) => id).join("&")}`;
  const known = memory.get(key);
  if (known) return known;
  const answer = decide(region);
  if (memory.size >= MEMORY_LIMIT) memory.clear();
  memory.set(key, answer);
  return answer;
}

function decide(region: TextRegion): Emptiness {
  if (![...region.within, ...region.without].some(hasVariables)) return search(region, "letters");
  const loose = search(region, "anything");
  const provenBy = (set: TextSet) =>
    set.patterns.every((pattern) => {
      const one: TextSet = { id: pattern.text, patterns: [pattern] };
      const others = region.within.filter((each) => each !== set);
      const alone = search({ within: [one], without: region.without }, "letters");
      return alone.empty || search({ within: [one, ...others], without: region.without }, "anything").empty;
    });
  return loose.empty || region.within.some(provenBy) ? { empty: true } : loose;
}

type Reading = "letters" | "anything";

/** A union as a nondeterministic automaton: its patterns, ready to be walked. */
interface Machine {
  patterns: readonly (readonly Token[])[];
  /** It must accept (true) or must not (false). */
  wanted: boolean;
}

const ANYTHING: Token = { kind: "many" };

function machine(set: TextSet | undefined, wanted: boolean, reading: Reading): Machine {
  const patterns = set?.patterns ?? [{ text: "*", tokens: [ANYTHING] }];
  if (wanted) return { wanted, patterns: patterns.map((pattern) => loosen(pattern, reading)) };
  const sure = patterns.filter(({ tokens }) =>
    tokens.every(({ kind }) => kind !== "unknown" && (kind !== "variable" || reading === "letters")),
  );
  return { wanted, patterns: sure.map(({ tokens }) => tokens) };
}

function loosen({ tokens }: Pattern, reading: Reading): readonly Token[] {
  return tokens.map((token) => {
    if (token.kind === "unknown") return ANYTHING;
    return token.kind === "variable" && reading === "anything" ? ANYTHING : token;
  });
}

/** Where a machine stands: for each pattern the positions it can be at. */
type Position = readonly (readonly number[])[];

/** A letter that stands for all that no pattern names at this point. */
const OTHER = "\uffff";

function search(region: TextRegion, reading: Reading): Emptiness {
  const wanted = region.within.length > 0 ? region.within : [undefined];
  const machines = [
    ...wanted.map((set) => machine(set, true, reading)),
    ...region.without.map((set) => machine(set, false, reading)),
  ];
  const first = machines.map(({ patterns }) => patterns.map((tokens) => closure(tokens, [0])));
  const seen = new Set([JSON.stringify(first)]);
  const queue: { at: readonly Position[]; text: string }[] = [{ at: first, text: "" }];
  let work = 0;
  for (let next = 0; next < queue.length; next++) {
    const { at, text } = queue[next] as (typeof queue)[number];
    if (machines.every((each, index) => accepts(each, at[index] as Position) === each.wanted)) {
      return { empty: false, example: readable(text) };
    }
    const positions = at.reduce((sum, machine) => sum + machine.reduce((count, { length }) => count + length, 1), 0);
    for (const letter of lettersAt(machines, at)) {
      work += positions;
      if (work > WORK_LIMIT) return { empty: false, gaveUp: true };
      const then = machines.map((each, index) => advance(each, at[index] as Position, letter));
      if (machines.some(({ wanted }, index) => wanted && isDead(then[index] as Position))) continue;
      const key = JSON.stringify(then);
      if (seen.has(key)) continue;
      seen.add(key);
      queue.push({ at: then, text: text + letter });
    }
  }
  return { empty: true };
}

function closure(tokens: readonly Token[], positions: readonly number[]): number[] {
  const reached = new Set<number>();
  for (let at of positions) {
    reached.add(at);
    while (tokens[at]?.kind === "many") reached.add(++at);
  }
  return [...reached].sort((a, b) => a - b);
}

function accepts({ patterns }: Machine, at: Position): boolean {
  return patterns.some((tokens, index) => at[index]?.at(-1) === tokens.length);
}

function isDead(at: Position): boolean {
  return at.every((positions) => positions.length === 0);
}

/** The letters that some pattern tells apart here, and one for all others. */
function lettersAt(machines: readonly Machine[], at: readonly Position[]): Set<string> {
  const found = new Set<string>();
  machines.forEach(({ patterns }, index) =>
    patterns.forEach((tokens, which) => {
      for (const position of at[index]?.[which] ?? []) {
        const token = tokens[position];
        if (token?.kind === "char") for (const char of token.chars) found.add(char);
        else if (token?.kind === "variable") found.add(token.letter);
        else if (token?.kind === "many" && token.except !== undefined) found.add(token.except);
      }
    }),
  );
  return found.add(OTHER);
}

function advance({ patterns, wanted }: Machine, at: Position, letter: string): number[][] {
  return patterns.map((tokens, which) => {
    const next: number[] = [];
    for (const position of at[which] ?? []) {
      const token = tokens[position];
      if (token && takes(token, letter, wanted)) next.push(token.kind === "many" ? position : position + 1);
    }
    return closure(tokens, next);
  });
}

/** `wanted`: a variable may hold what a restricted wildcard refuses, so only a wanted one takes it. */
function takes(token: Token, letter: string, wanted: boolean): boolean {
  switch (token.kind) {
    case "char":
      return token.chars.includes(letter);
    case "variable":
      return token.letter === letter;
    case "one":
      return !isVariableLetter(letter) || wanted;
    case "many":
      return token.except === undefined || (isVariableLetter(letter) ? wanted : letter !== token.except);
    default:
      return true;
  }
}

function readable(text: string): string {
  return [...text].map((letter) => (letter === OTHER || isVariableLetter(letter) ? "x" : letter)).join("");
}

/** True if the region is decided on parts that only the deployment will know. */
export function restsOnUnknowns({ within, without }: TextRegion): boolean {
  return within.some(hasUnknowns) || without.some(hasUnknowns);
}
