import type { Statement } from "../../iam";

/** What a service's actions may be done on, with `{start}` for what names begin with, `{account}` and `{region}`. */
export interface ServicePermissions {
  actions: readonly string[];
  /** ARNs without `arn:<partition>:`. */
  on: readonly string[];
  conditions?: Statement["conditions"];
}

const s3Bucket = [
  ..."CreateBucket DeleteBucket ListBucket ListBucketVersions GetAccelerateConfiguration GetBucketAcl GetBucketCORS GetBucketLocation".split(
    " ",
  ),
  ..."GetBucketLogging GetBucketNotification GetBucketObjectLockConfiguration GetBucketOwnershipControls GetBucketPolicy".split(
    " ",
  ),
  ..."GetBucketPublicAccessBlock GetBucketRequestPayment GetBucketTagging GetBucketVersioning GetBucketWebsite".split(
    " ",
  ),
  ..."GetEncryptionConfiguration GetLifecycleConfiguration GetReplicationConfiguration DeleteBucketPolicy PutBucketNotification".split(
    " ",
  ),
  ..."PutBucketOwnershipControls PutBucketPolicy PutBucketPublicAccessBlock PutBucketTagging PutBucketVersioning".split(
    " ",
  ),
  ..."PutEncryptionConfiguration PutLifecycleConfiguration".split(" "),
];

const lambdaFunction = [
  ..."AddPermission CreateAlias CreateFunction DeleteAlias DeleteFunction DeleteFunctionConcurrency GetAlias GetFunction".split(
    " ",
  ),
  ..."GetFunctionCodeSigningConfig GetFunctionConcurrency GetFunctionConfiguration GetPolicy InvokeFunction ListAliases ListTags".split(
    " ",
  ),
  ..."ListVersionsByFunction PublishVersion PutFunctionConcurrency RemovePermission TagResource UntagResource UpdateAlias".split(
    " ",
  ),
  ..."UpdateFunctionCode UpdateFunctionConfiguration".split(" "),
];

/** Actions of one service by their full names. */
export const named = (service: string, actions: readonly string[] | string) =>
  (typeof actions === "string" ? actions.split(" ") : actions).map((action) => `${service}:${action}`);

/**
 * What deploying a lake needs of each service. Everything is limited to names that begin with the environment's, so that the role of one
 * environment reaches no other one; what AWS gives no such limit for is in {@link unscopedActions}.
 */
export const lakeServices: readonly ServicePermissions[] = [
  { actions: named("s3", s3Bucket), on: ["s3:::{start}*"] },
  {
    actions: named(
      "s3",
      "DeleteObject DeleteObjectVersion GetObject GetObjectTagging GetObjectVersion PutObject PutObjectTagging",
    ),
    on: ["s3:::{start}*/*"],
  },
  {
    actions: named(
      "dynamodb",
      "CreateTable DeleteItem DeleteTable DescribeContinuousBackups DescribeTable DescribeTimeToLive GetItem ListTagsOfResource PutItem Query Scan TagResource UntagResource UpdateContinuousBackups UpdateItem UpdateTable UpdateTimeToLive",
    ),
    on: ["dynamodb:{region}:{account}:table/{start}*"],
  },
  {
    actions: named(
      "sqs",
      "CreateQueue DeleteMessage DeleteQueue GetQueueAttributes GetQueueUrl ListQueueTags ReceiveMessage SendMessage SetQueueAttributes TagQueue UntagQueue",
    ),
    on: ["sqs:{region}:{account}:{start}*"],
  },
  { actions: named("lambda", lambdaFunction), on: ["lambda:{region}:{account}:function:{start}*"] },
  {
    actions: named("lambda", "DeleteLayerVersion GetLayerVersion PublishLayerVersion"),
    on: ["lambda:{region}:{account}:layer:{start}*"],
  },
  {
    actions: named(
      "lambda",
      "DeleteEventSourceMapping GetEventSourceMapping ListTags TagResource UntagResource UpdateEventSourceMapping",
    ),
    on: ["lambda:{region}:{account}:event-source-mapping:*"],
  },
  {
    actions: named(
      "states",
      "CreateStateMachine DeleteStateMachine DescribeStateMachine ListStateMachineVersions ListTagsForResource StartExecution TagResource UntagResource UpdateStateMachine",
    ),
    on: ["states:{region}:{account}:stateMachine:{start}*"],
  },
  {
    actions: named(
      "events",
      "DeleteRule DescribeRule DisableRule EnableRule ListTagsForResource ListTargetsByRule PutRule PutTargets RemoveTargets TagResource UntagResource",
    ),
    on: ["events:{region}:{account}:rule/{start}*"],
  },
  {
    actions: named(
      "glue",
      "BatchCreatePartition CreateDatabase CreateTable DeleteDatabase DeleteTable GetDatabase GetPartitions GetTable GetTables GetTags TagResource UntagResource UpdateDatabase UpdateTable",
    ),
    on: [
      "glue:{region}:{account}:catalog",
      "glue:{region}:{account}:database/{words}*",
      "glue:{region}:{account}:table/{words}*",
    ],
  },
  {
    actions: named(
      "glue",
      "CreateJob DeleteJob GetJob GetJobRun GetTags StartJobRun TagResource UntagResource UpdateJob",
    ),
    on: ["glue:{region}:{account}:job/{start}*"],
  },
  {
    actions: named(
      "glue",
      "DeleteCrawler GetCrawler GetTags StartCrawler StopCrawler TagResource UntagResource UpdateCrawler",
    ),
    on: ["glue:{region}:{account}:crawler/{start}*"],
  },
  {
    actions: named("scheduler", "CreateSchedule DeleteSchedule GetSchedule UpdateSchedule"),
    on: ["scheduler:{region}:{account}:schedule/*/{start}*"],
  },
  {
    // An API's address holds its id, not its name.
    actions: named("apigateway", "DELETE GET PATCH POST PUT"),
    on: ["apigateway:{region}::/apis", "apigateway:{region}::/apis/*", "apigateway:{region}::/tags/*"],
  },
  {
    actions: named(
      "athena",
      "CreateWorkGroup DeleteWorkGroup GetQueryExecution GetQueryResults GetWorkGroup ListTagsForResource StartQueryExecution StopQueryExecution TagResource UntagResource UpdateWorkGroup",
    ),
    on: ["athena:{region}:{account}:workgroup/{start}*"],
  },
  {
    actions: named(
      "logs",
      "AssociateKmsKey CreateLogGroup DeleteLogGroup DeleteRetentionPolicy DisassociateKmsKey ListTagsForResource PutRetentionPolicy TagResource UntagResource",
    ),
    on: [
      "logs:{region}:{account}:log-group:/aws/lambda/{start}*",
      "logs:{region}:{account}:log-group:/aws/vendedlogs/states/{start}*",
      "logs:{region}:{account}:log-group:{start}*",
    ],
  },
  {
    actions: named(
      "kms",
      "CreateGrant Decrypt DescribeKey DisableKeyRotation EnableKeyRotation Encrypt GenerateDataKey GetKeyPolicy GetKeyRotationStatus ListGrants ListResourceTags PutKeyPolicy ScheduleKeyDeletion TagResource UntagResource UpdateKeyDescription",
    ),
    on: ["kms:{region}:{account}:key/*"],
    // Tags are set when a key is made, and a tag is all that tells keys of environments apart.
    conditions: {
      StringEquals: { "aws:ResourceTag/project": "{project}" },
      StringLike: { "aws:ResourceTag/env": "{env}*" },
    },
  },
  {
    actions: named("kms", "CreateAlias DeleteAlias UpdateAlias"),
    on: ["kms:{region}:{account}:alias/{start}*", "kms:{region}:{account}:key/*"],
  },
  {
    actions: named(
      "cloudwatch",
      "DeleteAlarms DescribeAlarms ListTagsForResource PutMetricAlarm TagResource UntagResource",
    ),
    on: ["cloudwatch:{region}:{account}:alarm:{start}*"],
  },
  {
    actions: named(
      "ecr",
      "BatchCheckLayerAvailability BatchGetImage DescribeImages GetDownloadUrlForLayer GetRepositoryPolicy",
    ),
    on: ["ecr:{region}:*:repository/{project}-images*"],
  },
];

/** Actions that AWS limits to no resource: the only ones on `*`. */
export const unscopedActions: readonly string[] = [
  "ecr:GetAuthorizationToken",
  "glue:CreateCrawler",
  "glue:CreateSecurityConfiguration",
  "glue:DeleteSecurityConfiguration",
  "glue:GetSecurityConfiguration",
  "health:DescribeEvents",
  "kms:CreateKey",
  "kms:ListAliases",
  "lambda:CreateEventSourceMapping",
  "lambda:ListEventSourceMappings",
  "logs:DescribeLogGroups",
  "sqs:ListQueues",
];
