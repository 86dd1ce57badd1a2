import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/** What the tests of drift and of branches deploy instead of a lake: seconds instead of minutes. Stands in for index.ts. */
async function program() {
  const name = `${pulumi.getProject()}-${pulumi.getStack().replaceAll(".", "-")}`;
  const settings = new pulumi.Config("tributary");
  const tags = settings.getObject<Record<string, string>>("tags") ?? {};
  const bucket = new aws.s3.Bucket("files", { bucket: `${name}-files`, forceDestroy: true, tags });
  new aws.s3.BucketVersioning("versions", { bucket: bucket.id, versioningConfiguration: { status: "Enabled" } });
  const table = new aws.dynamodb.Table("table", {
    name: `${name}-table`,
    billingMode: "PAY_PER_REQUEST",
    hashKey: "id",
    attributes: [{ name: "id", type: "S" }],
    tags,
  });
  const role = new aws.iam.Role("role", {
    name: `${name}-role`,
    assumeRolePolicy: aws.iam.assumeRolePolicyForPrincipal({ Service: "lambda.amazonaws.com" }),
    tags,
  });
  const code = new pulumi.asset.AssetArchive({
    "index.js": new pulumi.asset.StringAsset("exports.handler = async () => 1;"),
  });
  const lambda = new aws.lambda.Function("function", {
    name: `${name}-function`,
    runtime: "nodejs20.x",
    handler: "index.handler",
    memorySize: 128,
    role: role.arn,
    code,
    tags,
  });
  return { rawBucket: bucket.bucket, table: table.name, function: lambda.name };
}

export = program;
