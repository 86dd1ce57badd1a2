import { ActionUniverse } from "./actions";
import type { Extent } from "./boxes";
import { type Condition, type ConditionContext, conditionsOf, opaqueCondition } from "./conditions";
import { multivaluedKeys, namedActions } from "./documents";
import { ARN_PARTS, textSet } from "./patterns";
import { list, principalsOf } from "./principals";
import type { Grant, PolicySource, PolicyStatement, Subject } from "./types";

/** A statement, ready to be compared. */
export interface Compiled extends Extent {
  effect: "Allow" | "Deny";
  via: PolicySource & { statement: string };
  /** As written; for people. */
  statement: PolicyStatement;
  /** ARN of the managed policy that stands for statements which are not known here. */
  reference?: string;
}

/** All that decides one subject's permissions, on one side of the change. */
export interface CompiledSubject {
  allows: readonly Compiled[];
  denies: readonly Compiled[];
  /** What limits (a permissions boundary, an endpoint's policy) let pass. */
  limits: readonly Compiled[];
  limited: boolean;
  /** Policies that cannot be read. */
  unread: readonly Grant[];
}

/** What both sides of a comparison have to share. */
export interface Vocabulary {
  universe: ActionUniverse;
  multivalued: ReadonlySet<string>;
}

/** Learns all actions and condition keys of both sides. */
export async function vocabularyOf(grants: readonly Grant[]): Promise<Vocabulary> {
  const statements = grants.flatMap(({ document }) => list(document?.Statement));
  const actions = statements.flatMap(namedActions);
  const keys = statements.flatMap(({ Condition }) =>
    Object.values(Condition ?? {}).flatMap((block) => Object.keys(block)),
  );
  return {
    universe: await ActionUniverse.of(["*", ...actions]),
    multivalued: await multivaluedKeys(new Set(keys.map((key) => key.toLowerCase()))),
  };
}

/** The policies of one subject, ready to be compared. */
export function compileSubject(grants: readonly Grant[], vocabulary: Vocabulary): CompiledSubject {
  const compiled = grants.flatMap((grant) =>
    compileGrant(grant, vocabulary).map((each) => ({ ...each, of: grant.effect })),
  );
  return {
    allows: compiled.filter(({ effect, of }) => effect === "Allow" && of === "grant"),
    denies: compiled.filter(({ effect }) => effect === "Deny"),
    limits: compiled.filter(({ effect, of }) => effect === "Allow" && of === "limit"),
    limited: grants.some(({ effect }) => effect === "limit"),
    unread: grants.filter(({ unknown }) => unknown !== undefined),
  };
}

function compileGrant(grant: Grant, vocabulary: Vocabulary): Compiled[] {
  const { document, reference, source } = grant;
  if (reference !== undefined) return [referenceStatement(grant, reference, vocabulary)];
  const context = { variables: document?.Version === "2012-10-17", multivalued: vocabulary.multivalued };
  return list(document?.Statement).map((statement, at) => ({
    ...extentOf(statement, grant, vocabulary, context),
    effect: statement.Effect as Compiled["effect"],
    via: { ...source, statement: statement.Sid ?? `Statement[${at}]` },
    statement,
  }));
}

function extentOf(
  statement: PolicyStatement,
  { subject }: Grant,
  { universe }: Vocabulary,
  context: ConditionContext,
): Extent {
  const negatedActions = statement.Action === undefined && statement.NotAction !== undefined;
  const named = universe.set(negatedActions ? list(statement.NotAction) : list(statement.Action));
  return {
    actions: negatedActions ? universe.all & ~named : named,
    principals: principalsOf(statement, subject.account),
    resources: resourcesOf(statement, subject, context.variables),
    conditions: conditionsOf(statement, context),
  };
}

function resourcesOf(statement: PolicyStatement, { kind }: Subject, variables: boolean): Extent["resources"] {
  const negated = statement.Resource === undefined && statement.NotResource !== undefined;
  const texts = negated ? statement.NotResource : statement.Resource;
  if (texts === undefined) return undefined;
  // In a resource's policy an incomplete ARN without wildcards is no ARN at all.
  const ofIdentity = kind === "identity" || kind === "policy";
  return {
    negated,
    set: textSet(
      list(texts).map((text) => (ofIdentity || /[*?]/.test(text) ? wholeArn(text) : text)),
      { variables },
    ),
  };
}

/**
 * An ARN with parts left out stands for any value of these.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
 */
function wholeArn(text: string): string {
  const missing = ARN_PARTS - text.split(":").length;
  return text.startsWith("arn:") && missing > 0 ? text + ":*".repeat(missing) : text;
}

function referenceStatement({ source }: Grant, reference: string, { universe }: Vocabulary): Compiled {
  const content: Condition = opaqueCondition(`managed policy ${reference}`, `as far as ${reference} allows it`);
  return {
    effect: "Allow",
    via: { ...source, statement: reference },
    statement: { Effect: "Allow", Action: "*", Resource: "*" },
    reference,
    actions: universe.all,
    principals: undefined,
    resources: { negated: false, set: textSet(["*"]) },
    conditions: [content],
  };
}
