import { isUnknown } from "../documents";
import { UNKNOWN_TEXT } from "../patterns";
import type { Grant, PolicyStatement, ResourceState } from "../types";
import { shortType } from "./policyTypes";
import { resourceSubject } from "./resources";
import { objects, type StateIndex, texts } from "./states";

/** A permission that is no document, as the statement that it comes to. */
interface Synthetic {
  /** Input that names the resource. */
  of: string;
  owners: readonly string[];
  statements: (inputs: Record<string, unknown>) => PolicyStatement[];
}

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

/** Permissions with a resource type of their own. */
const synthetic: Readonly<Record<string, Synthetic>> = {
  "aws:lambda/permission": {
    of: "function",
    owners: ["aws:lambda/function", "aws:lambda/alias"],
    statements: lambdaPermission,
  },
  "aws:lambda/functionUrl": { of: "functionName", owners: ["aws:lambda/function"], statements: functionUrl },
  "aws:lambda/layerVersionPermission": {
    of: "layerName",
    owners: ["aws:lambda/layerVersion"],
    statements: (inputs) => [
      {
        ...allow(inputs.principal, inputs.action, arnOf("lambda", "layer", inputs.layerName)),
        ...(text(inputs.organizationId) !== undefined && {
          Condition: { StringEquals: { "aws:PrincipalOrgID": String(inputs.organizationId) } },
        }),
      },
    ],
  },
  "aws:kms/grant": {
    of: "keyId",
    owners: ["aws:kms/key", "aws:kms/replicaKey", "aws:kms/externalKey"],
    statements: (inputs) => [
      {
        ...allow(
          inputs.granteePrincipal,
          texts(inputs.operations).map((operation) => `kms:${operation}`),
          "*",
        ),
        ...(objects(inputs.constraints).length > 0 && {
          Condition: { GrantConstraints: { "kms:EncryptionContext": JSON.stringify(inputs.constraints) } },
        }),
      },
    ],
  },
  "aws:cloudwatch/eventPermission": {
    of: "eventBusName",
    owners: ["aws:cloudwatch/eventBus"],
    statements: (inputs) => [allow(inputs.principal, inputs.action ?? "events:PutEvents", "*")],
  },
  "aws:lakeformation/permissions": {
    of: "catalogId",
    owners: [],
    statements: (inputs) => {
      const permissions = texts(inputs.permissions).map((each) => `lakeformation-permission:${each}`);
      const grantable = texts(inputs.permissionsWithGrantOptions).map(
        (each) => `lakeformation-permission:GRANT ${each}`,
      );
      const about = without(inputs, ["principal", "permissions", "permissionsWithGrantOptions"]);
      return [allow(inputs.principal, [...permissions, ...grantable], about)];
    },
  },
  "aws:ram/principalAssociation": {
    of: "resourceShareArn",
    owners: ["aws:ram/resourceShare"],
    statements: (inputs) => [allow(inputs.principal, "ram:shared", String(inputs.resourceShareArn))],
  },
  "aws:ec2/amiLaunchPermission": {
    of: "imageId",
    owners: [],
    statements: (inputs) => [
      allow(
        inputs.accountId ?? inputs.organizationArn ?? inputs.group ?? "*",
        "ec2:RunInstances",
        text(inputs.imageId) ?? "*",
      ),
    ],
  },
  "aws:ec2/snapshotCreateVolumePermission": {
    of: "snapshotId",
    owners: [],
    statements: (inputs) => [allow(inputs.accountId, "ec2:CreateVolume", text(inputs.snapshotId) ?? "*")],
  },
  "aws:eks/accessPolicyAssociation": {
    of: "clusterName",
    owners: ["aws:eks/cluster"],
    statements: (inputs) => [allow(inputs.principalArn, "eks:AccessKubernetesApi", without(inputs, ["principalArn"]))],
  },
  "aws:ssoadmin/accountAssignment": {
    of: "permissionSetArn",
    owners: ["aws:ssoadmin/permissionSet"],
    statements: (inputs) => [allow(inputs.principalId, "sso:UsePermissionSet", without(inputs, ["principalId"]))],
  },
  "aws:ssoadmin/managedPolicyAttachment": {
    of: "permissionSetArn",
    owners: ["aws:ssoadmin/permissionSet"],
    statements: (inputs) => [allow(inputs.permissionSetArn, `policy:${String(inputs.managedPolicyArn)}`, "*")],
  },
  "aws:opensearch/serverlessAccessPolicy": {
    of: "name",
    owners: [],
    // A language of its own: any other text is another permission.
    statements: (inputs) => [allow("*", "aoss:APIAccessAll", without(inputs, ["description"]))],
  },
  "aws:s3/bucket": { of: "bucket", owners: ["aws:s3/bucket"], statements: aclStatements },
  "aws:s3/bucketV2": { of: "bucket", owners: ["aws:s3/bucketV2"], statements: aclStatements },
  "aws:s3/bucketObject": { of: "key", owners: [], statements: aclStatements },
  "aws:s3/bucketObjectv2": { of: "key", owners: [], statements: aclStatements },
  "aws:s3/objectCopy": { of: "key", owners: [], statements: aclStatements },
  "aws:s3/bucketAcl": { of: "bucket", owners: ["aws:s3/bucket"], statements: aclStatements },
  "aws:s3/bucketAclV2": { of: "bucket", owners: ["aws:s3/bucket", "aws:s3/bucketV2"], statements: aclStatements },
};

/** Permissions that are resources of their own instead of policy documents: Lambda's, KMS grants, Lake Formation's, ACLs. */
export function syntheticGrants(index: StateIndex): Grant[] {
  return index.resources.flatMap((state) => {
    const kind = synthetic[shortType(state.type)];
    return kind ? grantsOf(state, kind, index) : [];
  });
}

function grantsOf(state: ResourceState, { of, owners, statements }: Synthetic, index: StateIndex): Grant[] {
  const subject = resourceSubject(index, state, state.inputs[of] ?? state.urn, owners);
  const source = { urn: state.urn, property: "principal" in state.inputs ? "principal" : of };
  const Statement = statements(state.inputs);
  if (Statement.length === 0) return [];
  return [{ subject, effect: "grant", source, document: { Version: "2008-10-17", Statement } }];
}

function allow(principal: unknown, actions: unknown, resource: string): PolicyStatement {
  const name = text(principal) ?? UNKNOWN_TEXT;
  const known = !isUnknown(name);
  const service = known && /^[a-z0-9.-]+\.amazonaws\.com(\.cn)?$/.test(name);
  return {
    Effect: "Allow",
    Principal: service ? { Service: name } : { AWS: known ? name : UNKNOWN_TEXT },
    Action: Array.isArray(actions) ? texts(actions) : (text(actions) ?? "*"),
    Resource: resource,
  };
}

/** All other inputs, as a text that stands for the resource. */
function without(inputs: Record<string, unknown>, names: readonly string[]): string {
  const others = Object.entries(inputs).filter(([name]) => !names.includes(name) && name !== "__defaults");
  // Wildcards in it are characters of a name here, and variables are none.
  return JSON.stringify(others.sort(([a], [b]) => (a < b ? -1 : 1))).replace(/[*?]/g, "_");
}

function arnOf(service: string, kind: string, reference: unknown): string {
  const name = text(reference) ?? UNKNOWN_TEXT;
  return name.startsWith("arn:") || isUnknown(name) ? name : `arn:*:${service}:*:*:${kind}:${name}`;
}

/** @see https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html */
function lambdaPermission(inputs: Record<string, unknown>): PolicyStatement[] {
  const arn = arnOf("lambda", "function", inputs.function);
  const resource = text(inputs.qualifier) === undefined ? arn : `${arn}:${String(inputs.qualifier)}`;
  const equals = {
    ...(text(inputs.sourceAccount) !== undefined && { "aws:SourceAccount": String(inputs.sourceAccount) }),
    ...(text(inputs.principalOrgId) !== undefined && { "aws:PrincipalOrgID": String(inputs.principalOrgId) }),
    ...(text(inputs.eventSourceToken) !== undefined && { "lambda:EventSourceToken": String(inputs.eventSourceToken) }),
    ...(text(inputs.functionUrlAuthType) !== undefined && {
      "lambda:FunctionUrlAuthType": String(inputs.functionUrlAuthType),
    }),
  };
  const Condition = {
    ...(Object.keys(equals).length > 0 && { StringEquals: equals }),
    ...(text(inputs.sourceArn) !== undefined && { ArnLike: { "aws:SourceArn": String(inputs.sourceArn) } }),
  };
  return [
    { ...allow(inputs.principal, inputs.action, resource), ...(Object.keys(Condition).length > 0 && { Condition }) },
  ];
}

/** Without sign-in, the provider adds a permission for everybody. @see https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html */
function functionUrl(inputs: Record<string, unknown>): PolicyStatement[] {
  if (inputs.authorizationType === "AWS_IAM") return [];
  const Condition = { StringEquals: { "lambda:FunctionUrlAuthType": "NONE" } };
  return [{ ...allow("*", "lambda:InvokeFunctionUrl", arnOf("lambda", "function", inputs.functionName)), Condition }];
}

const READ = ["s3:ListBucket", "s3:GetObject"];
const WRITE = ["s3:PutObject", "s3:DeleteObject"];

/** Grants of S3's canned ACLs to groups. @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html */
const cannedAcls: Readonly<Record<string, readonly string[]>> = {
  "public-read": READ,
  "public-read-write": [...READ, ...WRITE],
  "authenticated-read": READ,
};

/** Canned ACLs for the owners of bucket and object alone. */
const HARMLESS_ACL = /^(private|bucket-owner-(read|full-control))$/;

/** Actions behind an ACL's permissions. */
const aclPermissions: Readonly<Record<string, readonly string[]>> = {
  READ,
  WRITE,
  READ_ACP: ["s3:GetBucketAcl"],
  WRITE_ACP: ["s3:PutBucketAcl"],
  FULL_CONTROL: [...READ, ...WRITE, "s3:GetBucketAcl", "s3:PutBucketAcl"],
};

function aclStatements(inputs: Record<string, unknown>): PolicyStatement[] {
  const canned = text(inputs.acl) ?? "private";
  const policy = inputs.accessControlPolicy as { grants?: unknown } | undefined;
  const grants = [...objects(policy?.grants), ...objects(inputs.grants)].flatMap(
    ({ permission, permissions, grantee, ...own }) => {
      const { id, uri } = (grantee ?? own) as { id?: unknown; uri?: unknown };
      const principal = text(uri) === undefined ? { CanonicalUser: text(id) ?? UNKNOWN_TEXT } : ("*" as const);
      const names = [...texts(permissions), ...(text(permission) === undefined ? [] : [String(permission)])];
      return names.map((name) => acl(principal, aclPermissions[name] ?? ["s3:*"]));
    },
  );
  if (HARMLESS_ACL.test(canned)) return grants;
  const group = cannedAcls[canned];
  return [group ? acl("*", group) : acl({ CanonicalUser: `ACL ${canned}` }, READ), ...grants];
}

function acl(Principal: PolicyStatement["Principal"], Action: readonly string[]): PolicyStatement {
  return { Sid: "ACL", Effect: "Allow", ...(Principal && { Principal }), Action, Resource: "*" };
}
