/** A resource as a policy sees it: its type and its inputs, with unknown values left out. */
export interface Judged {
  type: string;
  name: string;
  props: Record<string, unknown>;
}

/** A policy for single resources. */
export interface Rule {
  /** Kebab case; shown with each violation. */
  name: string;
  description: string;
  /** `mandatory` stops a deployment, `advisory` is only told. */
  level: "mandatory" | "advisory";
  /** What is wrong with a resource, a sentence each. */
  judge(resource: Judged): string[];
}

/** Inputs that hold a policy document, by type. */
const documents: Readonly<Record<string, string[]>> = {
  "aws:iam/policy:Policy": ["policy"],
  "aws:iam/rolePolicy:RolePolicy": ["policy"],
  "aws:iam/userPolicy:UserPolicy": ["policy"],
  "aws:iam/groupPolicy:GroupPolicy": ["policy"],
  "aws:iam/role:Role": ["assumeRolePolicy"],
  "aws:s3/bucketPolicy:BucketPolicy": ["policy"],
  "aws:sqs/queue:Queue": ["policy"],
  "aws:sqs/queuePolicy:QueuePolicy": ["policy"],
  "aws:sns/topicPolicy:TopicPolicy": ["policy"],
  "aws:kms/key:Key": ["policy"],
  "aws:ecr/repositoryPolicy:RepositoryPolicy": ["policy"],
  "aws:secretsmanager/secretPolicy:SecretPolicy": ["policy"],
};

interface Statement {
  Sid?: string;
  Effect?: string;
  Principal?: unknown;
  Action?: unknown;
  Resource?: unknown;
  Condition?: unknown;
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : value === undefined ? [] : [value]);

/** Statements that allow something, of all documents of a resource; none of a document that is not known yet. */
function allowing({ type, props }: Judged): { statement: Statement; label: string }[] {
  return (documents[type] ?? []).flatMap((property) => {
    const document = parse(props[property]);
    return listOf(document?.Statement)
      .map((statement, index) => ({ statement: statement as Statement, label: `${property}.Statement[${index}]` }))
      .filter(({ statement }) => statement?.Effect === "Allow");
  });
}

function parse(value: unknown): { Statement?: unknown } | undefined {
  if (typeof value !== "string") return (value ?? undefined) as { Statement?: unknown } | undefined;
  try {
    return JSON.parse(value) as { Statement?: unknown };
  } catch {
    return undefined;
  }
}

const isAll = (value: unknown) => listOf(value).includes("*");

const everybody = (principal: unknown): boolean =>
  principal === "*" ||
  (typeof principal === "object" && principal !== null && isAll((principal as Record<string, unknown>).AWS));

const iam = /^aws:iam\//;

/** A rule about one type: `wrong` tells what is the matter, or nothing. */
function about(type: string, wrong: (props: Record<string, unknown>) => string | undefined): Rule["judge"] {
  return (resource) => (resource.type === type ? listOf(wrong(resource.props)).map(String) : []);
}

/** The policies for single resources. */
export const rules: readonly Rule[] = [
  {
    name: "no-administrator",
    description: "No role, user or group of a stack may do everything on everything.",
    level: "mandatory",
    judge: (resource) =>
      iam.test(resource.type)
        ? allowing(resource)
            .filter(({ statement }) => isAll(statement.Action) && isAll(statement.Resource))
            .map(({ label }) => `${label} allows every action on every resource: name what is needed`)
        : [],
  },
  {
    name: "no-everybody",
    description: "No policy opens a resource to everybody without a condition that says who is meant.",
    level: "mandatory",
    judge: (resource) =>
      allowing(resource)
        .filter(({ statement }) => everybody(statement.Principal) && statement.Condition === undefined)
        .map(({ label }) => `${label} allows everybody in any account: name the principal, or add a condition`),
  },
  {
    name: "bucket-not-public",
    description: "Buckets block public access in all four ways.",
    level: "mandatory",
    judge: about("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", (props) => {
      const ways = ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"];
      const open = ways.filter((way) => props[way] !== true);
      return open.length > 0 ? `${open.join(", ")} must be true` : undefined;
    }),
  },
  {
    name: "queue-encrypted",
    description: "Queues are encrypted, with a key of the stack or of SQS.",
    level: "mandatory",
    judge: about("aws:sqs/queue:Queue", (props) =>
      "kmsMasterKeyId" in props || props.sqsManagedSseEnabled !== false
        ? undefined
        : "set kmsMasterKeyId, or leave sqsManagedSseEnabled on",
    ),
  },
  {
    name: "function-url-authorised",
    description: "A function's URL asks who calls.",
    level: "mandatory",
    judge: about("aws:lambda/functionUrl:FunctionUrl", ({ authorizationType }) =>
      authorizationType === "NONE" ? "authorizationType NONE lets anybody call the function: use AWS_IAM" : undefined,
    ),
  },
  {
    name: "image-by-digest",
    description: "A function's image is named by its digest: a tag may be another image tomorrow.",
    level: "mandatory",
    judge: about("aws:lambda/function:Function", ({ packageType, imageUri }) =>
      packageType === "Image" && typeof imageUri === "string" && !/@sha256:[0-9a-f]{64}$/.test(imageUri)
        ? `${imageUri} has no digest: name it as <repository>@sha256:<64 hex digits>`
        : undefined,
    ),
  },
  {
    name: "key-rotates",
    description: "Keys of KMS are rotated every year.",
    level: "advisory",
    judge: about("aws:kms/key:Key", ({ enableKeyRotation, customerMasterKeySpec }) =>
      enableKeyRotation === true || (customerMasterKeySpec ?? "SYMMETRIC_DEFAULT") !== "SYMMETRIC_DEFAULT"
        ? undefined
        : "set enableKeyRotation",
    ),
  },
  {
    name: "logs-end",
    description: "Log groups have a retention, so that they do not grow for ever.",
    level: "advisory",
    judge: about("aws:cloudwatch/logGroup:LogGroup", (props) =>
      "retentionInDays" in props && props.retentionInDays !== 0 ? undefined : "set retentionInDays",
    ),
  },
];

/**
 * Buckets of a stack without a public access block or without TLS enforced by their policy.
 *
 * @param resources all of the stack
 */
export function openBuckets(resources: readonly Judged[]): string[] {
  const named = (type: string) =>
    resources.filter((resource) => resource.type === type).map(({ props }) => props.bucket);
  const blocked = named("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock");
  return resources
    .filter(({ type }) => type === "aws:s3/bucket:Bucket" || type === "aws:s3/bucketV2:BucketV2")
    .filter(({ props }) => !blocked.some((bucket) => bucket === undefined || bucket === props.bucket))
    .map(({ name }) => `the bucket ${name} has no BucketPublicAccessBlock`);
}
