/**
 * A program with what further steps of an environment work on: a database with its work group and bucket, as a lake has them, and
 * a Glue job of Python shell with more properties than a step knows. The rest of a lake is named and not made.
 */
export const program = `import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

export = async () => {
  const stack = pulumi.getStack();
  const name = (what: string) => "tributary-" + stack + "-" + what;
  const bucket = new aws.s3.Bucket("bucket", { bucket: name("analytics"), forceDestroy: true });
  const database = new aws.glue.CatalogDatabase("database", { name: name("database").replaceAll("-", "_") });
  const workgroup = new aws.athena.Workgroup("workgroup", {
    name: name("workgroup"),
    forceDestroy: true,
    configuration: {
      enforceWorkgroupConfiguration: true,
      publishCloudwatchMetricsEnabled: false,
      resultConfiguration: { outputLocation: pulumi.interpolate\`s3://\${bucket.bucket}/athena/\` },
    },
  });
  const trust = (service: string) => ({
    Version: "2012-10-17" as const,
    Statement: [{ Effect: "Allow" as const, Action: "sts:AssumeRole", Principal: { Service: service } }],
  });
  const roleOf = (what: string, service: string) =>
    new aws.iam.Role(what, { name: name(what), assumeRolePolicy: trust(service) });
  const script = new aws.s3.BucketObjectv2("script", { bucket: bucket.bucket, key: "jobs/clean.py", content: "pass\\n" });
  new aws.glue.Job("job", {
    name: "clean",
    description: "takes out rows that are there twice",
    roleArn: roleOf("jobs", "glue.amazonaws.com").arn,
    maxCapacity: 0.0625,
    maxRetries: 2,
    timeout: 17,
    defaultArguments: { "--BUCKET": bucket.bucket, "--SOURCE": "in.csv", "--TARGET": "out.csv" },
    command: {
      name: "pythonshell",
      pythonVersion: "3.9",
      scriptLocation: pulumi.interpolate\`s3://\${script.bucket}/\${script.key}\`,
    },
  });
  const others = ["rawBucket", "stageBucket", "objectMetadataTable", "executionHistoryTable", "datasetsTable", "metricsTable",
    "eventsTable", "artifactsTable", "dataSchemasTable", "arrivalsQueueUrl", "arrivalsDlqUrl", "backfillStateMachineArn"];
  return {
    ...Object.fromEntries(others.map((each) => [each, name("none")])),
    analyticsBucket: bucket.bucket,
    database: database.name,
    workgroup: workgroup.name,
    functionRole: roleOf("functions", "lambda.amazonaws.com").arn,
    functions: {},
    datasets: {},
    region: aws.config.region,
    account: (await aws.getCallerIdentity()).accountId,
  };
};
`;
