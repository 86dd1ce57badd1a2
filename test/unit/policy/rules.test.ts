import assert from "node:assert/strict";
import { openBuckets, rules, type Judged } from "../../../policy/rules";

function judged(name: string, type: string, props: Record<string, unknown>): number {
  return rules.find((rule) => rule.name === name)!.judge({ type, name: "x", props }).length;
}

const document = (...statements: Record<string, unknown>[]) =>
  JSON.stringify({ Version: "2012-10-17", Statement: statements });
const allow = { Effect: "Allow", Action: "*", Resource: "*" };

describe("the policy pack", () => {
  const cases: [rule: string, type: string, props: Record<string, unknown>, problems: number][] = [
    ["no-administrator", "aws:iam/rolePolicy:RolePolicy", { policy: document(allow) }, 1],
    [
      "no-administrator",
      "aws:iam/rolePolicy:RolePolicy",
      { policy: document({ ...allow, Action: ["s3:Get*", "*"], Resource: ["*"] }) },
      1,
    ],
    ["no-administrator", "aws:iam/rolePolicy:RolePolicy", { policy: document({ ...allow, Effect: "Deny" }) }, 0],
    ["no-administrator", "aws:iam/rolePolicy:RolePolicy", { policy: document({ ...allow, Action: "s3:*" }) }, 0],
    ["no-administrator", "aws:iam/policy:Policy", { policy: { Statement: allow } }, 1],
    ["no-administrator", "aws:iam/rolePolicy:RolePolicy", { policy: "not JSON" }, 0],
    ["no-administrator", "aws:iam/rolePolicy:RolePolicy", {}, 0],
    // A key's policy gives its account everything on the key itself.
    [
      "no-administrator",
      "aws:kms/key:Key",
      { policy: document({ ...allow, Principal: { AWS: "arn:aws:iam::1:root" } }) },
      0,
    ],
    ["no-everybody", "aws:sqs/queuePolicy:QueuePolicy", { policy: document({ ...allow, Principal: "*" }) }, 1],
    ["no-everybody", "aws:iam/role:Role", { assumeRolePolicy: document({ ...allow, Principal: { AWS: ["*"] } }) }, 1],
    [
      "no-everybody",
      "aws:s3/bucketPolicy:BucketPolicy",
      { policy: document({ ...allow, Effect: "Deny", Principal: "*" }) },
      0,
    ],
    [
      "no-everybody",
      "aws:sns/topicPolicy:TopicPolicy",
      { policy: document({ ...allow, Principal: "*", Condition: { StringEquals: { "aws:SourceAccount": "1" } } }) },
      0,
    ],
    [
      "no-everybody",
      "aws:iam/role:Role",
      { assumeRolePolicy: document({ ...allow, Principal: { Service: "lambda.amazonaws.com" } }) },
      0,
    ],
    [
      "bucket-not-public",
      "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
      { blockPublicAcls: true, blockPublicPolicy: true, ignorePublicAcls: true, restrictPublicBuckets: true },
      0,
    ],
    ["bucket-not-public", "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", { blockPublicAcls: true }, 1],
    ["queue-encrypted", "aws:sqs/queue:Queue", { sqsManagedSseEnabled: false }, 1],
    ["queue-encrypted", "aws:sqs/queue:Queue", {}, 0],
    ["queue-encrypted", "aws:sqs/queue:Queue", { kmsMasterKeyId: "k", sqsManagedSseEnabled: false }, 0],
    ["function-url-authorised", "aws:lambda/functionUrl:FunctionUrl", { authorizationType: "NONE" }, 1],
    ["function-url-authorised", "aws:lambda/functionUrl:FunctionUrl", { authorizationType: "AWS_IAM" }, 0],
    ["image-by-digest", "aws:lambda/function:Function", { packageType: "Image", imageUri: "r/i:latest" }, 1],
    [
      "image-by-digest",
      "aws:lambda/function:Function",
      { packageType: "Image", imageUri: `r/i@sha256:${"a".repeat(64)}` },
      0,
    ],
    ["image-by-digest", "aws:lambda/function:Function", { packageType: "Image" }, 0],
    ["image-by-digest", "aws:lambda/function:Function", { packageType: "Zip" }, 0],
    ["key-rotates", "aws:kms/key:Key", {}, 1],
    ["key-rotates", "aws:kms/key:Key", { enableKeyRotation: true }, 0],
    ["key-rotates", "aws:kms/key:Key", { customerMasterKeySpec: "RSA_2048" }, 0],
    ["logs-end", "aws:cloudwatch/logGroup:LogGroup", {}, 1],
    ["logs-end", "aws:cloudwatch/logGroup:LogGroup", { retentionInDays: 30 }, 0],
  ];
  for (const [rule, type, props, problems] of cases)
    it(`${rule}: ${JSON.stringify(props).slice(0, 110)}: ${problems}`, () =>
      assert.equal(judged(rule, type, props), problems));

  it("finds buckets without a block, and takes an unknown name for the bucket's own", () => {
    const bucket = (name: string): Judged => ({ type: "aws:s3/bucket:Bucket", name, props: { bucket: name } });
    const block = (name?: string): Judged => ({
      type: "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
      name: "b",
      props: { bucket: name },
    });
    assert.deepEqual(openBuckets([bucket("a"), bucket("b"), block("a")]), [
      "the bucket b has no BucketPublicAccessBlock",
    ]);
    assert.deepEqual(openBuckets([bucket("a"), block(undefined)]), []);
  });
});
