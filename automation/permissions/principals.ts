import type { OneOrMany, PolicyStatement } from "./types";
import { arnSet, type TextSet } from "./patterns";

/** Principals of a statement; undefined for the one principal that an identity policy belongs to. */
export interface PrincipalSet {
  set: TextSet;
  /** The statement is about everybody else (`NotPrincipal`). */
  negated: boolean;
}

/** Account that a principal without the account in its name belongs to. */
const ACCOUNT = /^(?:arn:[^:]*:iam::)?(\d{12})(?::root)?$/;

/**
 * The principals that a statement names, as texts `AWS:<arn>`, `Service:<name>`, `Federated:<…>`, `CanonicalUser:<…>`.
 *
 * An account (`…:root`) in an Allow only hands the decision to the IAM policies of that account: whoever is in it is allowed by
 * way of the account, `Account:<arn>`. Who is named himself needs no policy of his own, so he is allowed both ways, and an account
 * does not cover him. Only where the resource is in another account, both need a policy of their own, and it does. A Deny of an
 * account means everybody in it, both ways.
 *
 * @param account the account of the resource, if it is known
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
 */
export function principalsOf(statement: PolicyStatement, account: string | undefined): PrincipalSet | undefined {
  const negated = statement.Principal === undefined && statement.NotPrincipal !== undefined;
  const element = negated ? statement.NotPrincipal : statement.Principal;
  if (element === undefined) return undefined;
  const wholeAccount = (id: string) => statement.Effect === "Deny" || (account !== undefined && account !== id);
  return { negated, set: arnSet(texts(element, wholeAccount)) };
}

function texts(element: NonNullable<PolicyStatement["Principal"]>, wholeAccount: (id: string) => boolean): string[] {
  if (typeof element === "string") return element === "*" ? ["*"] : awsPrincipal(element, wholeAccount);
  return Object.entries(element).flatMap(([type, names]) =>
    list(names).flatMap((name) => (type === "AWS" ? awsPrincipal(name, wholeAccount) : [`${type}:${name}`])),
  );
}

function awsPrincipal(name: string, wholeAccount: (id: string) => boolean): string[] {
  if (name === "*") return ["*"];
  const id = ACCOUNT.exec(name)?.[1];
  if (id !== undefined) {
    const inside = [`arn:*:iam::${id}:*`, `arn:*:sts::${id}:*`];
    return wholeAccount(id) ? inside.flatMap(bothWays) : inside.map((arn) => `Account:${arn}`);
  }
  const role = /^arn:([^:]*):iam::(\d{12}):role\/(?:.*\/)?([^/]+)$/.exec(name);
  // A session of a role is the role; sessions are named without the role's path.
  const sessions = role ? [`arn:${role[1]}:sts::${role[2]}:assumed-role/${role[3]}/*`] : [];
  return [name, ...sessions].flatMap(bothWays);
}

function bothWays(arn: string): string[] {
  return [`AWS:${arn}`, `Account:${arn}`];
}

/** For people: principals as policies write them. What stands beside a principal only to say what it means is left out. */
export function principalNames(set: TextSet): string[] {
  const names = set.patterns.flatMap(({ text }) => {
    const id = /^Account:arn:\*:iam::(\d{12}):\*$/.exec(text)?.[1];
    if (id !== undefined) return [`account ${id}`];
    if (/^Account:|^AWS:arn:\*:|^AWS:arn:[^:]*:sts::\d{12}:assumed-role\/[^/]*\/\*$/.test(text)) return [];
    return [text.replace(/^AWS:/, "")];
  });
  return names.length > 0 ? names : set.patterns.map(({ text }) => text.replace(/^(AWS|Account):/, ""));
}

/** A value as a list. */
export function list<T>(value: OneOrMany<T> | undefined): readonly T[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}
