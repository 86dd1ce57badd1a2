/** How a resource type carries a resource policy. */
export interface PolicyType {
  /** Input with the document. @default "policy" */
  policy?: string;
  /** Input that names the resource whose policy it is; without it the policy's resource itself. */
  of?: string;
  /** How the type of that resource may begin, so that both ways of giving it a policy are seen as one. */
  owners?: readonly string[];
  /** There is one for the account and region: it is about what stays when the policy goes. */
  single?: true;
  /** It allows nothing by itself and caps what others allow. */
  limit?: true;
}

const own: PolicyType = {};

/**
 * Resource types of `@pulumi/aws` 7 with a policy in the IAM language. Any other type whose input holds such a document is found
 * by the document itself; this table adds whose policy it is, and finds documents that are not known yet.
 */
export const policyTypes: Readonly<Record<string, PolicyType>> = {
  "aws:acmpca/policy": { of: "resourceArn" },
  "aws:amp/resourcePolicy": { policy: "policyDocument", of: "workspaceId" },
  "aws:apigateway/restApi": own,
  "aws:apigateway/restApiPolicy": { of: "restApiId", owners: ["aws:apigateway/restApi"] },
  "aws:backup/vaultPolicy": { of: "backupVaultName", owners: ["aws:backup/vault"] },
  "aws:cloudwatch/eventBusPolicy": { of: "eventBusName", owners: ["aws:cloudwatch/eventBus"] },
  "aws:cloudwatch/logDestinationPolicy": { policy: "accessPolicy", of: "destinationName" },
  "aws:cloudwatch/logResourcePolicy": { policy: "policyDocument", of: "policyName" },
  "aws:codeartifact/domainPermissions": { policy: "policyDocument", of: "domain" },
  "aws:codeartifact/repositoryPermissionsPolicy": { policy: "policyDocument", of: "repository" },
  "aws:codebuild/resourcePolicy": { of: "resourceArn" },
  "aws:dynamodb/resourcePolicy": { of: "resourceArn", owners: ["aws:dynamodb/table"] },
  "aws:ec2/vpcEndpoint": { limit: true },
  "aws:ec2/vpcEndpointPolicy": { of: "vpcEndpointId", owners: ["aws:ec2/vpcEndpoint"], limit: true },
  "aws:ecr/registryPolicy": { single: true },
  "aws:ecr/repositoryPolicy": { of: "repository", owners: ["aws:ecr/repository"] },
  "aws:ecrpublic/repositoryPolicy": { of: "repositoryName", owners: ["aws:ecrpublic/repository"] },
  "aws:efs/fileSystemPolicy": { of: "fileSystemId", owners: ["aws:efs/fileSystem"] },
  "aws:elasticsearch/domain": { policy: "accessPolicies" },
  "aws:elasticsearch/domainPolicy": {
    policy: "accessPolicies",
    of: "domainName",
    owners: ["aws:elasticsearch/domain"],
  },
  "aws:glue/resourcePolicy": { single: true },
  "aws:iot/policy": own,
  "aws:kinesis/resourcePolicy": { of: "resourceArn", owners: ["aws:kinesis/stream"] },
  "aws:kms/externalKey": own,
  "aws:kms/key": own,
  "aws:kms/keyPolicy": { of: "keyId", owners: ["aws:kms/key", "aws:kms/externalKey", "aws:kms/replicaKey"] },
  "aws:kms/replicaExternalKey": own,
  "aws:kms/replicaKey": own,
  "aws:mediastore/containerPolicy": { of: "containerName" },
  "aws:msk/clusterPolicy": { of: "clusterArn" },
  "aws:networkfirewall/resourcePolicy": { of: "resourceArn" },
  "aws:oam/sinkPolicy": { of: "sinkIdentifier" },
  "aws:opensearch/domain": { policy: "accessPolicies" },
  "aws:opensearch/domainPolicy": { policy: "accessPolicies", of: "domainName", owners: ["aws:opensearch/domain"] },
  "aws:organizations/policy": { policy: "content", of: "name", limit: true },
  "aws:organizations/resourcePolicy": { policy: "content", single: true },
  "aws:redshift/resourcePolicy": { of: "resourceArn" },
  "aws:redshiftserverless/resourcePolicy": { of: "resourceArn" },
  "aws:s3/bucket": own,
  "aws:s3/bucketPolicy": { of: "bucket", owners: ["aws:s3/bucket", "aws:s3/bucketV2"] },
  "aws:s3/bucketV2": own,
  "aws:s3/vectorsVectorBucketPolicy": { of: "vectorBucketArn" },
  "aws:s3control/accessPointPolicy": { of: "accessPointArn", owners: ["aws:s3/accessPoint"] },
  "aws:s3control/objectLambdaAccessPointPolicy": { of: "name" },
  "aws:s3tables/tableBucketPolicy": {
    policy: "resourcePolicy",
    of: "tableBucketArn",
    owners: ["aws:s3tables/tableBucket"],
  },
  "aws:s3tables/tablePolicy": { policy: "resourcePolicy", of: "name" },
  "aws:sagemaker/modelPackageGroupPolicy": { policy: "resourcePolicy", of: "modelPackageGroupName" },
  "aws:schemas/registryPolicy": { of: "registryName" },
  "aws:secretsmanager/secret": own,
  "aws:secretsmanager/secretPolicy": { of: "secretArn", owners: ["aws:secretsmanager/secret"] },
  "aws:ses/identityPolicy": { of: "identity" },
  "aws:sesv2/emailIdentityPolicy": { of: "emailIdentity" },
  "aws:sns/topic": own,
  "aws:sns/topicPolicy": { of: "arn", owners: ["aws:sns/topic"] },
  "aws:sqs/queue": own,
  "aws:sqs/queuePolicy": { of: "queueUrl", owners: ["aws:sqs/queue"] },
  "aws:ssoadmin/permissionSetInlinePolicy": { policy: "inlinePolicy", of: "permissionSetArn" },
  "aws:vpclattice/authPolicy": { of: "resourceIdentifier" },
  "aws:vpclattice/resourcePolicy": { of: "resourceArn" },
  "aws:xray/resourcePolicy": { policy: "policyDocument", of: "policyName" },
};

/** The type token without its class: `aws:s3/bucketPolicy` of `aws:s3/bucketPolicy:BucketPolicy`. */
export function shortType(type: string): string {
  return type.split(":").slice(0, 2).join(":");
}

/** How inputs are called that hold a policy document, where a type is not in the table. */
export const POLICY_INPUT = /^(policy|policyDocument|accessPolicy|accessPolicies|resourcePolicy|inlinePolicy)$/;

/** Types with such an input in another language: life cycles, scaling, firewalls, routing. */
export const OTHER_LANGUAGES =
  /lifecycle|scaling|dataProtection|accountPolicy|indexPolicy|firewall|networkmanager|trafficPolicy|fms|dlm|elb|batch|verifiedpermissions|opensearch\/serverless/i;
