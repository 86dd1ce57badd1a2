import { actionFacts } from "./actions";
import type { Broadening, Severity, Subject } from "./types";

const ranks: readonly Severity[] = ["low", "medium", "high", "critical"];

/** Reading that opens what is kept secret. */
const SECRETS =
  /^(secretsmanager:(Batch)?GetSecretValue|ssm:GetParameters?(ByPath|History)?|kms:Decrypt|sts:AssumeRole.*)$/;

/** Managed policies of AWS that make their holder an administrator, or nearly one. */
const POWERFUL =
  /:policy\/(AdministratorAccess|PowerUserAccess|IAMFullAccess|job-function\/SystemAdministrator) allows$/;

/** Services whose writing actions hand out permissions or open secrets. */
const SENSITIVE =
  /^(iam|sts|kms|organizations|secretsmanager|sso|sso-directory|identitystore|ram|lakeformation-permission):/i;

/** Using a key or a role is not managing it. */
const USE = /^(kms:(Decrypt|Encrypt|GenerateData\w*|ReEncrypt\w*|Sign|Verify\w*|GenerateMac|GenerateRandom)|sts:\w+)$/;

/** Actions that change who may do what. */
const PERMISSIONS =
  /^[a-z0-9-]+:((Put|Set|Add|Attach|Create|Update|Delete|Remove)\w*(Policy|Policies|Permission|Permissions|Grant|Acl)\w*|PassRole)$/;

/** Conditions that keep a public statement within an account, organisation or source. */
const NARROWING =
  /^(aws:(Source(Arn|Account|OrgID|OrgPaths|Ip|Vpc|Vpce)|Principal(Arn|Account|OrgID|OrgPaths)|PrincipalTag\/\S+)|kms:CallerAccount|s3:DataAccessPointAccount|lambda:EventSourceToken) /i;

/** Above this many actions, those that are asked for their access level stand for the rest. */
const SAMPLE = 200;

/**
 * How much a broadening matters.
 *
 * @param names published actions it is about
 * @param matters false if nothing in sight allows it (a denial or a limit that is gone)
 */
export async function severityOf(
  told: Omit<Broadening, "severity">,
  names: readonly string[],
  matters: boolean,
  subject: Subject,
): Promise<Severity> {
  if (!matters) return "low";
  const isPublic = told.principal === "*" && subject.kind !== "identity" && subject.kind !== "policy";
  if (isPublic && told.kind === "allow" && !told.conditions.some((text) => NARROWING.test(text))) return "critical";
  const everything = told.actions.some((action) => /^((\*|iam:\*)( except .*)?|everything except .*)$/i.test(action));
  const anywhere = told.resources.some((resource) => resource === "*" || resource.startsWith("everything"));
  if (told.actions.some((action) => POWERFUL.test(action)) || (everything && anywhere)) return "critical";
  if (everything || told.kind === "limit-widened" || told.undecided !== undefined) return "high";
  if (subject.kind === "trust" && !told.principal.startsWith("Service:")) return "high";
  return worst([await accessSeverity(names), isForeign(told.principal, subject) ? "high" : "low"]);
}

async function accessSeverity(names: readonly string[]): Promise<Severity> {
  if (names.some((name) => PERMISSIONS.test(name))) return "high";
  const facts = await Promise.all(names.slice(0, SAMPLE).map(actionFacts));
  const writing = facts.filter(({ access }) => access === "Write" || access === "Tagging" || access === "unknown");
  if (writing.some(({ name }) => SENSITIVE.test(name) && !USE.test(name))) return "high";
  return writing.length > 0 || facts.length === 0 || names.some((name) => SECRETS.test(name)) ? "medium" : "low";
}

/** A principal of another account than the resource's. */
function isForeign(principal: string, { account, home = account }: Subject): boolean {
  const id = /^account (\d{12})$|^arn:[^:]*:(?:iam|sts)::(\d{12}):/.exec(principal)?.slice(1).find(Boolean);
  return id !== undefined && home !== undefined && id !== home;
}

function worst(severities: readonly Severity[]): Severity {
  return ranks[Math.max(...severities.map((each) => ranks.indexOf(each)))] ?? "high";
}

/** The severe ones first, then by principal, then as they were found. */
export function inOrder(found: readonly Broadening[]): Broadening[] {
  return [...found].sort(
    (a, b) =>
      ranks.indexOf(b.severity) - ranks.indexOf(a.severity) ||
      (a.principal < b.principal ? -1 : a.principal > b.principal ? 1 : 0),
  );
}
