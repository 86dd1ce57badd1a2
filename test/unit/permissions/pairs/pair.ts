import type { PolicyDocument, PolicyStatement, ResourceState } from "../../../../automation/permissions";
import { bucket, bucketPolicy, policy, role, rolePolicy, state } from "../support/states";

/** A change of policies with the right answer, from what AWS documents. */
export interface Pair {
  name: string;
  /** Page of AWS's documentation that the answer follows from. */
  page: string;
  before: readonly ResourceState[];
  after: readonly ResourceState[];
  /** Whether it allows anything that was not allowed. */
  broadens: boolean;
  /** Regular expression that the description has to match. */
  tells?: RegExp;
}

/** One statement or more, for short tables. */
export type Statements = PolicyStatement | readonly PolicyStatement[];

/** Answer and what has to be told. */
type Answer = "same" | "broadens" | RegExp;

const guide = "https://docs.aws.amazon.com/IAM/latest/UserGuide";

/** Pages by a short name. */
export const pages = {
  action: `${guide}/reference_policies_elements_action.html`,
  notAction: `${guide}/reference_policies_elements_notaction.html`,
  resource: `${guide}/reference_policies_elements_resource.html`,
  notResource: `${guide}/reference_policies_elements_notresource.html`,
  principal: `${guide}/reference_policies_elements_principal.html`,
  notPrincipal: `${guide}/reference_policies_elements_notprincipal.html`,
  condition: `${guide}/reference_policies_elements_condition.html`,
  operators: `${guide}/reference_policies_elements_condition_operators.html`,
  keysAndValues: `${guide}/reference_policies_condition-logic-multiple-context-keys-or-values.html`,
  multivalued: `${guide}/reference_policies_condition-single-vs-multi-valued-context-keys.html`,
  variables: `${guide}/reference_policies_variables.html`,
  grammar: `${guide}/reference_policies_grammar.html`,
  evaluation: `${guide}/reference_policies_evaluation-logic.html`,
  denyAllow: `${guide}/reference_policies_evaluation-logic_policy-eval-denyallow.html`,
  boundaries: `${guide}/access_policies_boundaries.html`,
  crossAccount: `${guide}/reference_policies_evaluation-logic-cross-account.html`,
  deputy: `${guide}/confused-deputy.html`,
  externalId: `${guide}/id_roles_common-scenarios_third-party.html`,
  managed: `${guide}/access_policies_managed-vs-inline.html`,
  groups: `${guide}/id_groups.html`,
  passRole: `${guide}/id_roles_use_passrole.html`,
  keyPolicy: "https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html",
  kmsGrants: "https://docs.aws.amazon.com/kms/latest/developerguide/grants.html",
  lambda: "https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html",
  lambdaUrl: "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html",
  s3Block: "https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html",
  s3Acl: "https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html",
  s3Actions: "https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html",
  sqs: "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-basic-examples-of-sqs-policies.html",
  ecr: "https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policies.html",
  secrets: "https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_resource-policies.html",
} as const;

function answer(expected: Answer): Pick<Pair, "broadens" | "tells"> {
  return { broadens: expected !== "same", ...(expected instanceof RegExp && { tells: expected }) };
}

function many(statements: Statements): readonly PolicyStatement[] {
  return (Array.isArray(statements) ? statements : [statements]) as readonly PolicyStatement[];
}

/** A role's policy changes. */
export function identity(name: string, page: string, before: Statements, after: Statements, expected: Answer): Pair {
  const states = (statements: Statements) => [role("r"), rolePolicy("r", policy(many(statements)))];
  return { name, page, before: states(before), after: states(after), ...answer(expected) };
}

/** A bucket's policy changes; Resource and Principal are given if missing. */
export function onBucket(name: string, page: string, before: Statements, after: Statements, expected: Answer): Pair {
  const full = (statements: Statements): PolicyDocument =>
    policy(many(statements).map((each) => ({ Resource: "arn:aws:s3:::data/*", ...each })));
  const states = (statements: Statements) => [bucket("data"), bucketPolicy("data", full(statements))];
  return { name, page, before: states(before), after: states(after), ...answer(expected) };
}

/** A role's trust policy changes. */
export function trust(name: string, page: string, before: Statements, after: Statements, expected: Answer): Pair {
  const full = (statements: Statements) =>
    JSON.stringify(policy(many(statements).map((each) => ({ Action: "sts:AssumeRole", ...each }))));
  const states = (statements: Statements) => [role("r", { assumeRolePolicy: full(statements) })];
  return { name, page, before: states(before), after: states(after), ...answer(expected) };
}

/** A KMS key's policy changes. */
export function onKey(name: string, page: string, before: Statements, after: Statements, expected: Answer): Pair {
  const states = (statements: Statements) => {
    const full = policy(many(statements).map((each) => ({ Resource: "*", ...each })));
    return [state("aws:kms/key:Key", "key", { policy: JSON.stringify(full) }, keyOutputs)];
  };
  return { name, page, before: states(before), after: states(after), ...answer(expected) };
}

const keyOutputs = { arn: "arn:aws:kms:eu-west-1:111122223333:key/0a1b", keyId: "0a1b" };

/** Resources change. */
export function change(
  name: string,
  page: string,
  before: readonly ResourceState[],
  after: readonly ResourceState[],
  expected: Answer,
): Pair {
  return { name, page, before, after, ...answer(expected) };
}

/** An Allow of an identity. */
export function allow(
  Action: string | string[],
  Resource: string | string[] = "*",
  Condition?: PolicyStatement["Condition"],
) {
  return { Effect: "Allow", Action, Resource, ...(Condition && { Condition }) } satisfies PolicyStatement;
}

/** A Deny of an identity. */
export function deny(
  Action: string | string[],
  Resource: string | string[] = "*",
  Condition?: PolicyStatement["Condition"],
) {
  return { Effect: "Deny", Action, Resource, ...(Condition && { Condition }) } satisfies PolicyStatement;
}

/** An Allow of objects for somebody. */
export function open(
  Principal: PolicyStatement["Principal"],
  Condition?: PolicyStatement["Condition"],
): PolicyStatement {
  return { Effect: "Allow", ...(Principal && { Principal }), Action: "s3:GetObject", ...(Condition && { Condition }) };
}

/** The same permission with one condition before and another one after. */
export function when(
  name: string,
  page: string,
  before: PolicyStatement["Condition"],
  after: PolicyStatement["Condition"],
  broadens: boolean,
): Pair {
  const get = (condition: PolicyStatement["Condition"]) => allow("s3:GetObject", "arn:aws:s3:::data/*", condition);
  return identity(name, page, get(before), get(after), broadens ? "broadens" : "same");
}

/** Answers of {@link when}. */
export const NARROWER = false;
/** Answers of {@link when}. */
export const BROADER = true;
