import type { PolicyStatement, ResourceState } from "../../../../automation/permissions";
import { ACCOUNT, bucket, bucketPolicy, managed, policy, role, rolePolicy } from "../support/states";
import { allow, change, deny, identity, onBucket, pages, type Pair } from "./pair";

const object = "arn:aws:s3:::data/*";
const boundaryArn = `arn:aws:iam::${ACCOUNT}:policy/boundary`;
const bounded = (boundary: PolicyStatement | undefined, ...own: PolicyStatement[]): ResourceState[] => [
  role("r", boundary ? { permissionsBoundary: boundaryArn } : {}),
  rolePolicy("r", policy(own)),
  ...(boundary ? [managed("boundary", boundary)] : []),
];
const noTls: PolicyStatement = {
  Effect: "Deny",
  Principal: "*",
  Action: "s3:*",
  Condition: { Bool: { "aws:SecureTransport": "false" } },
};

/** Denials and permissions boundaries. */
export const denialPairs: readonly Pair[] = [
  identity(
    "a Deny is dropped",
    pages.denyAllow,
    [allow("s3:*", object), deny("s3:DeleteObject", object)],
    allow("s3:*", object),
    /s3:DeleteObject/,
  ),
  identity(
    "a Deny is added",
    pages.denyAllow,
    allow("s3:*", object),
    [allow("s3:*", object), deny("s3:DeleteObject", object)],
    "same",
  ),
  identity(
    "a Deny reaches further",
    pages.denyAllow,
    [allow("s3:*", object), deny("s3:DeleteObject", object)],
    [allow("s3:*", object), deny("s3:Delete*", object)],
    "same",
  ),
  identity(
    "a Deny gets a condition",
    pages.denyAllow,
    [allow("s3:*", object), deny("s3:DeleteObject", object)],
    [allow("s3:*", object), deny("s3:DeleteObject", object, { Bool: { "aws:MultiFactorAuthPresent": "false" } })],
    "broadens",
  ),
  identity(
    "a Deny loses a condition",
    pages.denyAllow,
    [allow("s3:*", object), deny("s3:DeleteObject", object, { Bool: { "aws:MultiFactorAuthPresent": "false" } })],
    [allow("s3:*", object), deny("s3:DeleteObject", object)],
    "same",
  ),
  identity(
    "a Deny is narrowed to one prefix",
    pages.denyAllow,
    [allow("s3:*", object), deny("s3:Put*", object)],
    [allow("s3:*", object), deny("s3:Put*", "arn:aws:s3:::data/raw/*")],
    "broadens",
  ),
  identity(
    "a Deny with NotAction allows one more",
    pages.notAction,
    [allow("*"), { Effect: "Deny", NotAction: ["s3:*"], Resource: "*" }],
    [allow("*"), { Effect: "Deny", NotAction: ["s3:*", "sqs:*"], Resource: "*" }],
    /sqs/,
  ),
  identity(
    "a Deny with NotResource protects more",
    pages.notResource,
    [allow("s3:*"), { Effect: "Deny", Action: "s3:*", NotResource: [object, "arn:aws:s3:::out/*"] }],
    [allow("s3:*"), { Effect: "Deny", Action: "s3:*", NotResource: object }],
    "same",
  ),
  identity(
    "an Allow grows only where it is denied",
    pages.denyAllow,
    [allow("s3:GetObject", object), deny("s3:Delete*")],
    [allow(["s3:GetObject", "s3:DeleteObject"], object), deny("s3:Delete*")],
    "same",
  ),
  identity(
    "a Deny that nothing of its own allows is dropped: a resource's policy might",
    pages.evaluation,
    [allow("s3:GetObject", object), deny("sqs:*")],
    allow("s3:GetObject", object),
    /\[low\] is no longer denied/,
  ),
  identity(
    "a Deny is split into two",
    pages.grammar,
    deny(["s3:Put*", "s3:Delete*"]),
    [deny("s3:Put*"), deny("s3:Delete*")],
    "same",
  ),
  onBucket("TLS is not asked for any more", pages.denyAllow, noTls, [], /no longer denied/),
  onBucket(
    "TLS is asked for by another operator",
    pages.operators,
    noTls,
    { ...noTls, Condition: { StringEquals: { "aws:SecureTransport": "false" } } },
    "same",
  ),
  change(
    "the bucket goes with its policy",
    pages.evaluation,
    [bucket("data"), bucketPolicy("data", policy([{ ...noTls, Resource: object }]))],
    [],
    "same",
  ),

  change(
    "a boundary comes",
    pages.boundaries,
    bounded(undefined, allow("s3:*")),
    bounded(allow("s3:Get*"), allow("s3:*")),
    "same",
  ),
  change(
    "a boundary goes",
    pages.boundaries,
    bounded(allow("s3:Get*"), allow("s3:*")),
    bounded(undefined, allow("s3:*")),
    /no longer limited/,
  ),
  change(
    "a boundary is widened",
    pages.boundaries,
    bounded(allow("s3:Get*"), allow("s3:*")),
    bounded(allow("s3:*"), allow("s3:*")),
    /no longer limited/,
  ),
  change(
    "a boundary is narrowed",
    pages.boundaries,
    bounded(allow("s3:*"), allow("s3:*")),
    bounded(allow("s3:Get*"), allow("s3:*")),
    "same",
  ),
  change(
    "more is allowed, but not by the boundary",
    pages.boundaries,
    bounded(allow("s3:*"), allow("s3:*")),
    bounded(allow("s3:*"), allow(["s3:*", "iam:CreateUser"])),
    "same",
  ),
  change(
    "more is allowed, also by the boundary",
    pages.boundaries,
    bounded(allow("s3:*"), allow("s3:Get*")),
    bounded(allow("s3:*"), allow("s3:*")),
    "broadens",
  ),
  change(
    "a boundary's Deny is dropped",
    pages.boundaries,
    [
      ...bounded(undefined, allow("*")).slice(1),
      role("r", { permissionsBoundary: boundaryArn }),
      managed("boundary", allow("*"), deny("iam:*")),
    ],
    [
      ...bounded(undefined, allow("*")).slice(1),
      role("r", { permissionsBoundary: boundaryArn }),
      managed("boundary", allow("*")),
    ],
    /iam/,
  ),
];
