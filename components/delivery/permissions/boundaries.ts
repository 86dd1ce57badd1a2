import type { Statement } from "../../iam";
import type { Scope } from "../../scope";
import { named } from "./services";

/** Services that a lake's functions and jobs use at run time: all that roles which a deploy role makes can ever reach. */
const runtimeServices = [
  ...[
    "athena",
    "cloudwatch",
    "dynamodb",
    "ecr",
    "events",
    "glue",
    "kms",
    "lambda",
    "logs",
    "s3",
    "scheduler",
    "sns",
    "sqs",
  ],
  ...["states", "xray"],
];

/** What deploying and measuring needs beyond that. */
const deployServices = ["apigateway", "health", "redshift-data", "redshift-serverless", "resiliencehub"];

/** What deploying the pipelines needs beyond that. */
const deliveryServices = ["codebuild", "codecommit", "codeconnections", "codepipeline", "codestar-connections"];

/** What nobody below a boundary may ever do, whatever else allows it. */
const noWayOut = [
  {
    Sid: "NoChangeOfBoundaries",
    Effect: "Deny",
    Action: named(
      "iam",
      "CreatePolicyVersion DeletePolicy DeletePolicyVersion DeleteRolePermissionsBoundary DeleteUserPermissionsBoundary PutUserPermissionsBoundary SetDefaultPolicyVersion",
    ),
    Resource: "*",
  },
  {
    Sid: "NoPeopleAndNoForeignPolicies",
    Effect: "Deny",
    Action: named(
      "iam",
      "AddUserToGroup AttachGroupPolicy AttachRolePolicy AttachUserPolicy CreateAccessKey CreateLoginProfile CreateUser PutGroupPolicy PutUserPolicy UpdateAccessKey UpdateLoginProfile",
    ),
    Resource: "*",
  },
];

/** A boundary allows nothing by itself: it names services, and what a role may do in them its own policy says, action by action. */
const capped = (services: readonly string[]) => ({
  Sid: "Services",
  Effect: "Allow",
  Action: services.map((service) => `${service}:*`),
  Resource: "*",
});

const allowed = ({ actions, resources, conditions }: Statement) => ({
  Effect: "Allow",
  Action: actions,
  Resource: resources,
  ...(conditions ? { Condition: conditions } : {}),
});

const document = (...statements: object[]) => JSON.stringify({ Version: "2012-10-17", Statement: statements });

/** The boundary of roles that a deploy role makes: data services, never IAM. */
export function runtimeBoundary({ account, partition, dnsSuffix }: Scope): string {
  const handOn = {
    Sid: "StateMachinesHandRolesOn",
    Effect: "Allow",
    Action: "iam:PassRole",
    Resource: `arn:${partition}:iam::${account}:role/*`,
    Condition: { StringEquals: { "iam:PassedToService": `glue.${dnsSuffix}` } },
  };
  return document(capped(runtimeServices), handOn, ...noWayOut);
}

/**
 * The boundary of a deploy role itself: the services of a lake, and roles under a boundary; no way to change either boundary.
 *
 * @param management what it may do with roles, of its own policy
 */
export function deployBoundary(management: readonly Statement[]): string {
  return document(capped([...runtimeServices, ...deployServices]), ...management.map(allowed), ...noWayOut);
}

/**
 * The boundary of the role that deploys the pipelines.
 *
 * @param management what it may do with roles, and which other roles it may take
 */
export function deliveryBoundary(management: readonly Statement[]): string {
  const services = [...runtimeServices, ...deployServices, ...deliveryServices];
  return document(capped(services), ...management.map(allowed), ...noWayOut);
}

/**
 * The boundary of pipelines and builds: no IAM at all, and no role but those that deploy.
 *
 * @param roles ARNs of the roles that builds may take
 */
export function buildBoundary(roles: readonly string[]): string {
  const services = ["chatbot", "cloudwatch", "ec2", "ecr", "kms", "logs", "s3", "sns", ...deliveryServices];
  return document(capped(services), allowed({ actions: ["sts:AssumeRole"], resources: roles }), ...noWayOut);
}
