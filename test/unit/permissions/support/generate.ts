import * as fc from "fast-check";
import type { PolicyStatement } from "../../../../automation/permissions";
import { ACCOUNT, OTHER_ACCOUNT } from "./states";

type Condition = NonNullable<PolicyStatement["Condition"]>;

/** Lists of one to `max` elements without repetition. */
function some<T>(values: readonly T[], max = 2): fc.Arbitrary<T[]> {
  return fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: max });
}

const actions = [
  ...[
    "*",
    "s3:*",
    "s3:Get*",
    "s3:GetObject",
    "s3:PutObject",
    "s3:?etObject",
    "s3:*Object",
    "s3:List*",
    "s3:ListBucket",
  ],
  ...["sqs:*", "sqs:SendMessage", "sqs:*Message", "S3:getobject"],
];

const resources = [
  ...[
    "*",
    "arn:aws:s3:::*",
    "arn:aws:s3:::a*",
    "arn:aws:s3:::a/*",
    "arn:aws:s3:::ab/*",
    "arn:aws:s3:::a",
    "arn:aws:s3:::ab",
  ],
  ...[
    "arn:aws:s3:::?b/x",
    "arn:aws:s3:::a*/x",
    "arn:aws:s3:::ab/${aws:PrincipalTag/team}/*",
    "arn:aws:s3:::ab/red/*",
    "arn:aws:s3",
  ],
  ...["arn:aws:sqs:*:111122223333:q", "arn:aws:sqs:eu-west-1:*:q*", "arn:aws:sqs:eu-west-1:111122223333:q2"],
];

const condition: fc.Arbitrary<Condition> = fc.oneof(
  operator(
    [
      "StringEquals",
      "StringNotEquals",
      "StringEqualsIfExists",
      "StringLike",
      "StringNotLike",
      "StringEqualsIgnoreCase",
    ],
    {
      "aws:PrincipalTag/team": ["red", "blue", "r*", "RED", "*"],
      "aws:SourceVpc": ["vpc-1", "vpc-2", "vpc-*"],
    },
  ),
  operator(
    ["ForAnyValue:StringEquals", "ForAllValues:StringEquals", "ForAllValues:StringLike", "ForAnyValue:StringNotEquals"],
    {
      "aws:TagKeys": ["one", "two", "t*"],
    },
  ),
  operator(["NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericEquals", "NumericNotEquals"], {
    "aws:MultiFactorAuthAge": ["10", "20", "20.0"],
  }),
  operator(["DateLessThan", "DateGreaterThanEquals", "DateGreaterThan"], {
    "aws:CurrentTime": ["2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"],
  }),
  operator(["Bool", "BoolIfExists", "StringEquals"], { "aws:SecureTransport": ["true", "false"] }),
  operator(["IpAddress", "NotIpAddress"], {
    "aws:SourceIp": ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "2001:db8::/32"],
  }),
  operator(["ArnLike", "ArnEquals", "ArnNotLike", "StringLike"], {
    "aws:SourceArn": ["arn:aws:sns:*:111122223333:t", "arn:aws:sns:eu-west-1:111122223333:*", "arn:aws:sns:*:*:t"],
  }),
  operator(["Null"], { "aws:SourceVpc": ["true", "false"], "aws:PrincipalTag/team": ["true", "false"] }, 1),
);

function operator(names: readonly string[], keys: Record<string, readonly string[]>, max = 2): fc.Arbitrary<Condition> {
  return fc
    .tuple(fc.constantFrom(...names), fc.constantFrom(...Object.keys(keys)))
    .chain(([name, key]) => some(keys[key] ?? [], max).map((values) => ({ [name]: { [key]: values } })));
}

const conditions: fc.Arbitrary<Condition | undefined> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(undefined) },
  { weight: 3, arbitrary: condition },
  { weight: 1, arbitrary: fc.tuple(condition, condition).map(([one, two]) => ({ ...one, ...two })) },
);

const principals = some(
  [
    ...[
      `arn:aws:iam::${ACCOUNT}:role/r`,
      `arn:aws:iam::${ACCOUNT}:root`,
      ACCOUNT,
      `arn:aws:sts::${ACCOUNT}:assumed-role/r/s`,
    ],
    ...[`arn:aws:iam::${OTHER_ACCOUNT}:root`, `arn:aws:iam::${OTHER_ACCOUNT}:role/x`, "*"],
  ],
  2,
);

/** A statement of an identity's policy. */
export const identityStatement: fc.Arbitrary<PolicyStatement> = fc
  .record({
    effect: fc.constantFrom("Allow", "Allow", "Allow", "Deny"),
    actions: some(actions, 3),
    resources: some(resources, 2),
    not: fc.constantFrom("", "", "", "", "action", "resource"),
    condition: conditions,
  })
  .map(({ effect, actions, resources, not, condition }) => ({
    Effect: effect,
    ...(not === "action" ? { NotAction: actions } : { Action: actions }),
    ...(not === "resource" ? { NotResource: resources } : { Resource: resources }),
    ...(condition && { Condition: condition }),
  }));

/** A statement of a resource's policy. */
export const resourceStatement: fc.Arbitrary<PolicyStatement> = fc
  .tuple(identityStatement, principals, fc.integer({ min: 0, max: 9 }))
  .map(([statement, names, dice]) => {
    const element = names.includes("*") ? "*" : { AWS: names };
    // A NotPrincipal makes sense in a Deny, and there it names the session, the role and the account.
    return statement.Effect === "Deny" && dice < 3 && element !== "*"
      ? { ...statement, NotPrincipal: element }
      : { ...statement, Principal: element };
  });

/** A statement of a role's trust policy. */
export const trustStatement: fc.Arbitrary<PolicyStatement> = fc
  .tuple(resourceStatement, some(["sts:AssumeRole", "sts:*", "sts:TagSession", "sts:Assume*"], 2))
  .map(([{ Resource: _resource, NotResource: _not, NotAction: _action, ...statement }, names]) => ({
    ...statement,
    Action: names,
  }));

/** A policy before a change and after it: often a small change, sometimes another policy. */
export function edited(statement: fc.Arbitrary<PolicyStatement>): fc.Arbitrary<[PolicyStatement[], PolicyStatement[]]> {
  const statements = fc.array(statement, { minLength: 1, maxLength: 4 });
  const edit = fc.record({
    kind: fc.constantFrom("drop", "add", "swap", "mix", "same"),
    at: fc.nat(),
    other: statement,
  });
  return fc.oneof(
    { weight: 1, arbitrary: fc.tuple(statements, statements) },
    {
      weight: 5,
      arbitrary: fc.tuple(statements, fc.array(edit, { minLength: 1, maxLength: 2 })).map(([before, edits]) => {
        const after = edits.reduce<PolicyStatement[]>(
          (now, { kind, at, other }) => apply(now, kind, at, other),
          before,
        );
        return [before, after] as [PolicyStatement[], PolicyStatement[]];
      }),
    },
  );
}

function apply(statements: PolicyStatement[], kind: string, at: number, other: PolicyStatement): PolicyStatement[] {
  const which = statements.length === 0 ? 0 : at % statements.length;
  if (kind === "drop") return statements.filter((_, index) => index !== which);
  if (kind === "add") return [...statements, other];
  if (kind === "swap") return statements.map((each, index) => (index === which ? other : each));
  if (kind === "mix") return statements.map((each, index) => (index === which ? mixed(each, other, at) : each));
  return [...statements].reverse();
}

/** The statement with one part of another one. */
function mixed(statement: PolicyStatement, other: PolicyStatement, at: number): PolicyStatement {
  const { Action, NotAction, Resource, NotResource, Condition, ...rest } = statement;
  const parts = [
    { ...statement, Condition: other.Condition },
    { ...rest, Resource, NotResource, Condition, Action: other.Action, NotAction: other.NotAction },
    { ...rest, Action, NotAction, Condition, Resource: other.Resource, NotResource: other.NotResource },
  ];
  return JSON.parse(JSON.stringify(parts[at % parts.length])) as PolicyStatement;
}

/** What a request's context may hold; every key may be missing. */
export const context: fc.Arbitrary<Record<string, string | string[]>> = fc
  .record(
    {
      "aws:PrincipalTag/team": fc.constantFrom("red", "blue", "RED", "green"),
      "aws:SourceVpc": fc.constantFrom("vpc-1", "vpc-2", "vpc-3"),
      "aws:TagKeys": fc.constantFrom(["one"], ["two"], ["one", "two"], ["three"], ["two", "three"]),
      "aws:MultiFactorAuthAge": fc.constantFrom("5", "10", "15", "20", "25"),
      "aws:CurrentTime": fc.constantFrom(
        "2025-12-31T00:00:00Z",
        "2026-01-01T00:00:00Z",
        "2026-03-01T00:00:00Z",
        "2026-07-01T00:00:00Z",
      ),
      "aws:SecureTransport": fc.constantFrom("true", "false"),
      "aws:SourceIp": fc.constantFrom("10.0.0.1", "10.1.9.9", "10.1.2.3", "192.0.2.1", "2001:db8::1"),
      "aws:SourceArn": fc.constantFrom(
        "arn:aws:sns:eu-west-1:111122223333:t",
        "arn:aws:sns:us-east-1:111122223333:t",
        "arn:aws:sns:eu-west-1:444455556666:t",
      ),
    },
    { requiredKeys: [] },
  )
  .map((found) => JSON.parse(JSON.stringify(found)) as Record<string, string | string[]>);
