import { isDeepStrictEqual } from "node:util";
import { normalisePolicy } from "./policies";
import type { Json, PropertyChange } from "./types";
import { conceal, documentIn, presentable } from "./values";

type Members = { [key: string]: Json };

/** Properties by which the elements of a list are recognised, the best first. */
const identities = [
  "Sid",
  "sid",
  "name",
  "Name",
  "key",
  "Key",
  "id",
  "Id",
  "attributeName",
  "indexName",
  "statementId",
];

/**
 * The changes between two values, each at the smallest place that tells it. Texts that hold JSON (policies, state
 * machines) are compared as documents: another order of keys or of a policy's actions is no change.
 *
 * @param path of the values themselves; empty for a resource's inputs
 */
export function changesBetween(before: Json | undefined, after: Json | undefined, path = ""): PropertyChange[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (before === undefined) return [{ path, kind: "add", after: readable(after!, path) }];
  if (after === undefined) return [{ path, kind: "remove", before: readable(before, path) }];
  const documents = [documentIn(before), documentIn(after)];
  if (documents[0] !== undefined && documents[1] !== undefined)
    return changesBetween(comparable(documents[0]), comparable(documents[1]), path);
  if (Array.isArray(before) && Array.isArray(after)) return inLists(before, after, path);
  if (isMembers(before) && isMembers(after)) return inMembers(before, after, path);
  return [{ path, kind: "change", before: readable(before, path), after: readable(after, path) }];
}

/**
 * A value for the output: with the document in a text opened, and without what its name tells to be secret.
 *
 * @param path of the value, whose last name counts
 */
export function readable(value: Json, path: string): Json {
  const document = documentIn(value);
  return conceal(document === undefined ? value : comparable(document), lastName(path));
}

/** A document out of a text, a policy in one form. */
function comparable(document: Json): Json {
  return normalisePolicy(presentable(document));
}

/** `a.b["c d"][0]` -> `c d`: a list's elements are called as the list; `environment[TOKEN].value` -> `TOKEN`. */
function lastName(path: string): string {
  const element = /\[([\w$-]+)\]\.value$/i.exec(path);
  if (element) return element[1]!;
  const names = [...path.matchAll(/\["((?:[^"\\]|\\.)*)"\]|(?:^|\.)([\w$-]+)/g)].map(
    ([, quoted, plain]) => quoted ?? plain,
  );
  return names.at(-1) ?? "";
}

function inMembers(before: Members, after: Members, path: string): PropertyChange[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.flatMap((name) => changesBetween(own(before, name), own(after, name), join(path, name)));
}

function inLists(before: Json[], after: Json[], path: string): PropertyChange[] {
  const identity = identities.find((name) => identifies(before, name) && identifies(after, name));
  if (identity !== undefined) return byIdentity(before as Members[], after as Members[], identity, path);
  const gone = without(before, after);
  const added = without(after, before);
  if (gone.length === 0 && added.length === 0)
    return [{ path, kind: "order", before: readable(before, path), after: readable(after, path) }];
  if (![...gone, ...added].some((value) => typeof value === "object" && value !== null)) {
    return [
      ...gone.map((value) => ({ path: `${path}[]`, kind: "remove" as const, before: readable(value, path) })),
      ...added.map((value) => ({ path: `${path}[]`, kind: "add" as const, after: readable(value, path) })),
    ];
  }
  const places = Array.from({ length: Math.max(gone.length, added.length) }, (_, index) => index);
  return places.flatMap((index) => {
    const place = added[index] === undefined ? before.indexOf(gone[index]!) : after.indexOf(added[index]);
    return changesBetween(gone[index], added[index], `${path}[${place}]`);
  });
}

function byIdentity(before: Members[], after: Members[], name: string, path: string): PropertyChange[] {
  const keyed = (list: Members[]) => new Map(list.map((each) => [String(each[name]), each]));
  const [first, second] = [keyed(before), keyed(after)];
  const changes = [...new Set([...first.keys(), ...second.keys()])].flatMap((key) =>
    changesBetween(first.get(key), second.get(key), `${path}[${key}]`),
  );
  return changes.length > 0 ? changes : [{ path, kind: "order", before: [...first.keys()], after: [...second.keys()] }];
}

/** Whether every element is an object with a text under this name, none twice. */
function identifies(list: Json[], name: string): boolean {
  const values = list.map((each) => (isMembers(each) ? own(each, name) : undefined));
  return values.every((value) => typeof value === "string") && new Set(values).size === list.length;
}

/** The elements of a list that another one lacks; each of the other's answers for one. */
function without(list: Json[], other: Json[]): Json[] {
  const left = [...other];
  return list.filter((each) => {
    const index = left.findIndex((candidate) => isDeepStrictEqual(candidate, each));
    if (index >= 0) left.splice(index, 1);
    return index < 0;
  });
}

function own(members: Members, name: string): Json | undefined {
  return Object.hasOwn(members, name) ? members[name] : undefined;
}

function isMembers(value: Json): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A path with one more name, quoted where it would read as something else. */
export function join(path: string, name: string): string {
  if (!/^[\w$-]+$/.test(name)) return `${path}[${JSON.stringify(name)}]`;
  return path === "" ? name : `${path}.${name}`;
}
