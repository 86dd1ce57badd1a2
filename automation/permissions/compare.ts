import { type Box, boxOf, intersect, isEmpty, subtractAll, TooManyPieces } from "./boxes";
import { type Compiled, type CompiledSubject, compileSubject, type Vocabulary, vocabularyOf } from "./compiled";
import { HOLDERS } from "./extract/identity";
import { barrierLifted, type Finding, report, unreadPolicy } from "./report";
import { inOrder } from "./severity";
import type { Broadening, Grant, Grants, Subject } from "./types";

/**
 * Everything that a change would newly allow.
 *
 * A request is allowed by an Allow that no Deny and no limit stops. So a change broadens exactly if an Allow reaches further than
 * before and is not denied, if a Deny or a limit reaches less far than before, or if a switch that keeps strangers out is
 * turned off. Each is compared as a set of requests, subject by subject: how statements are split, ordered or named is of no
 * importance. What cannot be decided counts, with the reason in `undecided`.
 *
 * @param untouched URNs of resources that the engine leaves as they are: what is hidden there (a secret) is no news
 * @returns the severe ones first; empty if the change allows nothing new
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 */
export async function broadenings(
  before: Grants,
  after: Grants,
  untouched: ReadonlySet<string> = new Set(),
): Promise<Broadening[]> {
  const isNews = ({ unknown, source }: Grant) => unknown === undefined || !untouched.has(source.urn);
  const sides = { before: bySubject(before.grants), after: bySubject(after.grants.filter(isNews)) };
  const found: Broadening[] = [];
  for (const [key, subject] of subjects([...before.grants, ...after.grants])) {
    if (before.owned.has(key) && !after.owned.has(key)) continue;
    const change: Change = {
      subject,
      before: sides.before.get(key) ?? [],
      after: sides.after.get(key) ?? [],
      fresh: after.owned.has(key) && !before.owned.has(key),
    };
    if (!isSame(change) && !isToldAtRole(change, before, after)) found.push(...(await broadeningsOf(change)));
  }
  found.push(...liftedBarriers(before, after));
  return inOrder(withoutDuplicates(found));
}

/** The policies of one subject before and after. */
interface Change {
  subject: Subject;
  before: readonly Grant[];
  after: readonly Grant[];
  /** The subject is made by this change: nothing of it was denied or limited before. */
  fresh: boolean;
}

/** Subjects in the order in which they should be told: the holders of managed policies after the identities that hold them. */
function subjects(grants: readonly Grant[]): Map<string, Subject> {
  const ordered = [...grants].sort((a, b) => Number(a.subject.kind === "policy") - Number(b.subject.kind === "policy"));
  return new Map(ordered.map(({ subject }) => [subject.key, subject]));
}

function bySubject(grants: readonly Grant[]): Map<string, Grant[]> {
  const found = new Map<string, Grant[]>();
  for (const grant of grants) found.set(grant.subject.key, [...(found.get(grant.subject.key) ?? []), grant]);
  return found;
}

/** Most policies of a change are untouched: those need no look inside, unless they cannot be read. */
function isSame({ before, after }: Change): boolean {
  const content = (grants: readonly Grant[]) =>
    JSON.stringify(grants.map(({ effect, document, reference }) => [effect, document, reference]));
  return after.every(({ unknown }) => unknown === undefined) && content(before) === content(after);
}

/** Something that keeps its role, or is as new as its role: what it may do is told of the role. */
function isToldAtRole({ subject, fresh }: Change, before: Grants, after: Grants): boolean {
  const role = after.runsAs.get(subject.key);
  if (role === undefined) return fresh && subject.key.startsWith("workload ");
  return before.runsAs.get(subject.key) === role || (fresh && after.owned.has(role) && !before.owned.has(role));
}

async function broadeningsOf(change: Change): Promise<Broadening[]> {
  const { subject, fresh } = change;
  // A new managed policy gives nobody anything before it is attached, and that is seen where it is attached.
  if (subject.kind === "policy" && fresh) return [];
  const vocabulary = await vocabularyOf([...change.before, ...change.after]);
  const before = compileSubject(change.before, vocabulary);
  const after = compileSubject(change.after, vocabulary);
  const unread = new Set(after.unread.map(({ source }) => `${source.urn} ${source.property}`));
  // What a resource's policy denies, the policies of any identity may allow.
  const byOthers = subject.kind === "resource" || subject.kind === "trust";
  const findings = [...newlyAllowed(before, after), ...(fresh ? [] : lifted(before, after, vocabulary, byOthers))]
    // Of a policy that cannot be read any more, it is enough to say that.
    .filter(({ kind, by }) => kind === "allow" || !unread.has(`${by.via.urn} ${by.via.property}`));
  const reported = await Promise.all(findings.map((finding) => report(finding, subject, fresh, vocabulary)));
  return [...after.unread.map((grant) => unreadPolicy(grant, fresh)), ...reported.flat()];
}

function newlyAllowed(before: CompiledSubject, after: CompiledSubject): Finding[] {
  return after.allows.flatMap((by) =>
    finding("allow", by, true, () => {
      const beyond = subtractAll(boxOf(by), [...before.allows, ...after.denies]);
      if (!after.limited) return beyond;
      return beyond.flatMap((box) => after.limits.flatMap((limit) => intersect(box, limit) ?? []));
    }),
  );
}

/** What denials and limits do not stop any more. It matters at once where an Allow of the same subject reaches there. */
function lifted(
  before: CompiledSubject,
  after: CompiledSubject,
  { universe }: Vocabulary,
  byOthers: boolean,
): Finding[] {
  const reaches = (boxes: readonly Box[]) =>
    byOthers || boxes.some((box) => after.allows.some((allow) => intersect(box, allow)));
  const denials = before.denies.flatMap((by) =>
    finding("deny-lifted", by, reaches, () => subtractAll(boxOf(by), after.denies)),
  );
  if (!before.limited) return denials;
  const limits = after.limited
    ? after.limits
    : before.limits.slice(0, 1).map((limit) => unlimited(limit, universe.all));
  const widened = limits.flatMap((by) =>
    finding("limit-widened", by, reaches, () => subtractAll(boxOf(by), [...before.limits, ...after.denies])),
  );
  return [...denials, ...widened];
}

/** Stands for a limit that is not there any more. */
function unlimited(limit: Compiled, all: bigint): Compiled {
  const statement = { Effect: "Allow", Action: "*", Resource: "*" };
  const via = { ...limit.via, statement: "removed" };
  return { effect: "Allow", statement, via, actions: all, principals: undefined, resources: undefined, conditions: [] };
}

function finding(
  kind: Finding["kind"],
  by: Compiled,
  matters: boolean | ((boxes: readonly Box[]) => boolean),
  search: () => Box[],
): Finding[] {
  try {
    const boxes = search();
    if (boxes.length === 0) return [];
    return [{ kind, by, boxes, matters: typeof matters === "boolean" ? matters : matters(boxes) }];
  } catch (error) {
    if (!(error instanceof TooManyPieces)) throw error;
    const undecided = "the statements overlap in too many ways to be compared; the whole statement counts as new";
    return isEmpty(boxOf(by)) ? [] : [{ kind, by, boxes: [boxOf(by)], matters: true, undecided }];
  }
}

function liftedBarriers(before: Grants, after: Grants): Broadening[] {
  const key = ({ subject, source }: Grants["barriers"][number]) => `${subject.key} ${source.property}`;
  const still = new Set(after.barriers.filter(({ on }) => on).map(key));
  return before.barriers
    .filter((barrier) => barrier.on && !still.has(key(barrier)))
    .filter(({ subject }) => !before.owned.has(subject.key) || after.owned.has(subject.key))
    .map(barrierLifted);
}

/** The same counts once; and for the holders of a managed policy, only what was not told of one of them by name. */
function withoutDuplicates(found: readonly Broadening[]): Broadening[] {
  const via = (each: Broadening) => JSON.stringify(each.via);
  const isHolder = (each: Broadening) => each.principal.startsWith(HOLDERS);
  const named = new Set(found.filter((each) => !isHolder(each)).map(via));
  const told = found.filter((each) => !isHolder(each) || !named.has(via(each)));
  return [...new Map(told.map((each) => [JSON.stringify(each), each])).values()];
}
