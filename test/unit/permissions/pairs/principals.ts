import { ACCOUNT, OTHER_ACCOUNT, policy, role, state } from "../support/states";
import { onBucket, onKey, open, pages, type Pair, trust, change } from "./pair";

const roleArn = `arn:aws:iam::${ACCOUNT}:role/reader`;
const root = `arn:aws:iam::${ACCOUNT}:root`;
const otherRole = `arn:aws:iam::${OTHER_ACCOUNT}:role/vendor`;
const otherRoot = `arn:aws:iam::${OTHER_ACCOUNT}:root`;
const assume = (
  Principal: Record<string, string | string[]> | string,
  Condition?: Record<string, Record<string, string>>,
) => ({
  Effect: "Allow",
  Principal,
  ...(Condition && { Condition }),
});
const decrypt = (Principal: Record<string, string>, Action: string | string[] = "kms:Decrypt") => ({
  Effect: "Allow",
  Principal,
  Action,
});

/** Principals, trust policies and key policies. */
export const principalPairs: readonly Pair[] = [
  onBucket(
    "a further role",
    pages.principal,
    open({ AWS: roleArn }),
    open({ AWS: [roleArn, `arn:aws:iam::${ACCOUNT}:role/two`] }),
    /role\/two/,
  ),
  onBucket("a role less", pages.principal, open({ AWS: [roleArn, otherRole] }), open({ AWS: roleArn }), "same"),
  onBucket("from a role to everybody", pages.principal, open({ AWS: roleArn }), open("*"), /critical.*s3:GetObject/),
  onBucket("everybody covers a role", pages.principal, open("*"), open({ AWS: roleArn }), "same"),
  onBucket('"*" and {"AWS": "*"} are the same', pages.principal, open("*"), open({ AWS: "*" }), "same"),
  onBucket(
    "an account's number and its root are the same",
    pages.principal,
    open({ AWS: ACCOUNT }),
    open({ AWS: root }),
    "same",
  ),
  onBucket("from a role to its account", pages.principal, open({ AWS: roleArn }), open({ AWS: root }), "broadens"),
  onBucket(
    "a role by name needs no policy of its own, the account's does",
    pages.evaluation,
    open({ AWS: root }),
    open({ AWS: [root, roleArn] }),
    "broadens",
  ),
  onBucket(
    "a session of the role",
    pages.principal,
    open({ AWS: roleArn }),
    open({ AWS: `arn:aws:sts::${ACCOUNT}:assumed-role/reader/one` }),
    "same",
  ),
  onBucket(
    "from a session to its role",
    pages.principal,
    open({ AWS: `arn:aws:sts::${ACCOUNT}:assumed-role/reader/one` }),
    open({ AWS: roleArn }),
    "broadens",
  ),
  onBucket(
    "another account",
    pages.crossAccount,
    open({ AWS: roleArn }),
    open({ AWS: [roleArn, otherRoot] }),
    /account 444455556666/,
  ),
  onBucket(
    "everybody, of one organisation",
    pages.principal,
    open({ AWS: roleArn }),
    open("*", { StringEquals: { "aws:PrincipalOrgID": "o-1" } }),
    "broadens",
  ),
  onBucket(
    "everybody, and the organisation is dropped",
    pages.principal,
    open("*", { StringEquals: { "aws:PrincipalOrgID": "o-1" } }),
    open("*"),
    /critical/,
  ),
  onBucket(
    "a service",
    pages.principal,
    open({ AWS: roleArn }),
    open({ AWS: roleArn, Service: "logs.amazonaws.com" }),
    /Service:logs/,
  ),
  onBucket(
    "a service's source account is dropped",
    pages.deputy,
    open({ Service: "logs.amazonaws.com" }, { StringEquals: { "aws:SourceAccount": ACCOUNT } }),
    open({ Service: "logs.amazonaws.com" }),
    "broadens",
  ),
  onBucket(
    "a service is tied to its source",
    pages.deputy,
    open({ Service: "logs.amazonaws.com" }),
    open({ Service: "logs.amazonaws.com" }, { ArnLike: { "aws:SourceArn": "arn:aws:logs:*:*:*" } }),
    "same",
  ),
  onBucket(
    "another service",
    pages.principal,
    open({ Service: "logs.amazonaws.com" }),
    open({ Service: "events.amazonaws.com" }),
    "broadens",
  ),
  onBucket(
    "NotPrincipal in a Deny: one more is excepted",
    pages.notPrincipal,
    [{ Effect: "Deny", NotPrincipal: { AWS: roleArn }, Action: "s3:*" }],
    [{ Effect: "Deny", NotPrincipal: { AWS: [roleArn, otherRole] }, Action: "s3:*" }],
    "broadens",
  ),
  onBucket(
    "NotPrincipal in a Deny: one less is excepted",
    pages.notPrincipal,
    [{ Effect: "Deny", NotPrincipal: { AWS: [roleArn, otherRole] }, Action: "s3:*" }],
    [{ Effect: "Deny", NotPrincipal: { AWS: roleArn }, Action: "s3:*" }],
    "same",
  ),
  onBucket(
    "an account is allowed, and a Deny excepts one of its roles",
    pages.notPrincipal,
    [],
    [open({ AWS: otherRoot }), { Effect: "Deny", NotPrincipal: { AWS: otherRole }, Action: "s3:*" }],
    /account 444455556666/,
  ),
  onBucket(
    "an account is allowed, and a Deny excepts a role of another one",
    pages.notPrincipal,
    [],
    [open({ AWS: otherRoot }), { Effect: "Deny", NotPrincipal: { AWS: roleArn }, Action: "s3:*" }],
    "same",
  ),
  onBucket(
    "NotPrincipal in an Allow",
    pages.notPrincipal,
    open({ AWS: roleArn }),
    { Effect: "Allow", NotPrincipal: { AWS: otherRole }, Action: "s3:GetObject" },
    "broadens",
  ),

  trust(
    "a further service",
    pages.principal,
    assume({ Service: "lambda.amazonaws.com" }),
    assume({ Service: ["lambda.amazonaws.com", "ec2.amazonaws.com"] }),
    /Service:ec2/,
  ),
  trust(
    "the external id is dropped",
    pages.externalId,
    assume({ AWS: otherRoot }, { StringEquals: { "sts:ExternalId": "1234" } }),
    assume({ AWS: otherRoot }),
    /account 444455556666[^]*sts:AssumeRole/,
  ),
  trust(
    "an external id is asked for",
    pages.externalId,
    assume({ AWS: otherRoot }),
    assume({ AWS: otherRoot }, { StringEquals: { "sts:ExternalId": "1234" } }),
    "same",
  ),
  trust(
    "another external id",
    pages.externalId,
    assume({ AWS: otherRoot }, { StringEquals: { "sts:ExternalId": "1234" } }),
    assume({ AWS: otherRoot }, { StringEquals: { "sts:ExternalId": "5678" } }),
    "broadens",
  ),
  trust(
    "MFA is dropped",
    pages.condition,
    assume({ AWS: root }, { Bool: { "aws:MultiFactorAuthPresent": "true" } }),
    assume({ AWS: root }),
    "broadens",
  ),
  trust(
    "a further way of taking the role",
    pages.principal,
    assume({ AWS: roleArn }),
    { ...assume({ AWS: roleArn }), Action: ["sts:AssumeRole", "sts:TagSession"] },
    /sts:TagSession/,
  ),
  trust(
    "from an account to a role of another account",
    pages.crossAccount,
    assume({ AWS: otherRoot }),
    assume({ AWS: otherRole }),
    "same",
  ),
  trust(
    "a federated provider, any of its users",
    pages.principal,
    assume(
      { Federated: "arn:aws:iam::111122223333:oidc-provider/token.ci" },
      { StringEquals: { "token.ci:sub": "repo:a/b" } },
    ),
    assume(
      { Federated: "arn:aws:iam::111122223333:oidc-provider/token.ci" },
      { StringLike: { "token.ci:sub": "repo:a/*" } },
    ),
    "broadens",
  ),
  trust("everybody in the world", pages.principal, assume({ AWS: roleArn }), assume("*"), /critical/),

  onKey(
    "the account's IAM policies get to decide",
    pages.keyPolicy,
    decrypt({ AWS: roleArn }),
    [decrypt({ AWS: roleArn }), decrypt({ AWS: root }, "kms:*")],
    /account 111122223333/,
  ),
  onKey(
    "the account's IAM policies do not decide any more",
    pages.keyPolicy,
    [decrypt({ AWS: roleArn }), decrypt({ AWS: root }, "kms:*")],
    decrypt({ AWS: roleArn }),
    "same",
  ),
  onKey(
    "a role may decrypt",
    pages.keyPolicy,
    decrypt({ AWS: root }, "kms:*"),
    [decrypt({ AWS: root }, "kms:*"), decrypt({ AWS: roleArn })],
    /role\/reader/,
  ),
  onKey(
    "only by way of S3",
    pages.keyPolicy,
    decrypt({ AWS: roleArn }),
    { ...decrypt({ AWS: roleArn }), Condition: { StringEquals: { "kms:ViaService": "s3.eu-west-1.amazonaws.com" } } },
    "same",
  ),
  change(
    "a key's policy moves into a resource of its own",
    pages.keyPolicy,
    [
      state(
        "aws:kms/key:Key",
        "key",
        { policy: JSON.stringify(policy([{ ...decrypt({ AWS: roleArn }), Resource: "*" }])) },
        { keyId: "k-1" },
      ),
    ],
    [
      state("aws:kms/key:Key", "key", {}, { keyId: "k-1" }),
      state("aws:kms/keyPolicy:KeyPolicy", "p", {
        keyId: "k-1",
        policy: JSON.stringify(policy([{ ...decrypt({ AWS: roleArn }), Resource: "*" }])),
      }),
    ],
    "same",
  ),
  change("a role goes, with all it had", pages.evaluation, [role("r")], [], "same"),
  change("a role comes: its trust is new", pages.evaluation, [], [role("r")], /Service:lambda/),
];
