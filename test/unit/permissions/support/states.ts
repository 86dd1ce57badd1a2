import type { PolicyDocument, PolicyStatement, ResourceState } from "../../../../automation/permissions";

/** Account that everything in these tests belongs to. */
export const ACCOUNT = "111122223333";
/** Another account. */
export const OTHER_ACCOUNT = "444455556666";

/** A policy of some statements. */
export function policy(statements: readonly PolicyStatement[], version = "2012-10-17"): PolicyDocument {
  return { Version: version, Statement: statements };
}

/** The URN of a resource in these tests. */
export function urn(type: string, name: string): string {
  return `urn:pulumi:dev::demo::${type}::${name}`;
}

/** A resource that exists. */
export function state(
  type: string,
  name: string,
  inputs: Record<string, unknown>,
  outputs: Record<string, unknown> = {},
): ResourceState {
  return { urn: urn(type, name), type, id: name, inputs, outputs: { ...inputs, ...outputs } };
}

/** A role with a trust policy for Lambda. */
export function role(name: string, inputs: Record<string, unknown> = {}): ResourceState {
  const trust = [{ Effect: "Allow", Action: "sts:AssumeRole", Principal: { Service: "lambda.amazonaws.com" } }];
  return state(
    "aws:iam/role:Role",
    name,
    { name, assumeRolePolicy: JSON.stringify(policy(trust)), ...inputs },
    { arn: `arn:aws:iam::${ACCOUNT}:role/${name}` },
  );
}

/** An inline policy of a role. */
export function rolePolicy(of: string, document: PolicyDocument, name = `${of}-policy`): ResourceState {
  return state("aws:iam/rolePolicy:RolePolicy", name, { role: of, name, policy: JSON.stringify(document) });
}

/** A bucket. */
export function bucket(name: string): ResourceState {
  return state("aws:s3/bucket:Bucket", name, { bucket: name }, { arn: `arn:aws:s3:::${name}` });
}

/** The policy of a bucket. */
export function bucketPolicy(of: string, document: PolicyDocument): ResourceState {
  return state("aws:s3/bucketPolicy:BucketPolicy", `${of}-policy`, { bucket: of, policy: JSON.stringify(document) });
}

/** A managed policy. */
export function managed(name: string, ...statements: PolicyStatement[]): ResourceState {
  return state(
    "aws:iam/policy:Policy",
    name,
    { name, policy: JSON.stringify(policy(statements)) },
    { arn: `arn:aws:iam::${ACCOUNT}:policy/${name}` },
  );
}
