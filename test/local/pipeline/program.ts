/** Where a test adds to {@link application}. */
export const marker = "/* more */";

/**
 * A program for the end-to-end test of pipelines: the stacks of images as the checkout's own program makes them, and in each
 * environment a lake in small, with real functions from the images that were built, and a table that a query reads. The whole lake
 * takes minutes to deploy twice, and what pipelines do with it is the same.
 */
export const application = `import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

const functionNames = ["routing", "redrive"];

export = async () => {
  const stack = pulumi.getStack();
  if (stack.startsWith("images")) return (require("./images-program") as () => Promise<unknown>)();
  const name = (what: string) => "tributary-" + stack + "-" + what;
  const images = new pulumi.Config("tributary").requireObject<Record<string, string>>("images");
  const bucket = new aws.s3.Bucket("bucket", { bucket: name("analytics"), forceDestroy: true });
  new aws.s3.BucketObjectv2("data", { bucket: bucket.bucket, key: "stones/one.csv", content: "Aachen,21\\nAarhus,720\\n" });
  const database = new aws.glue.CatalogDatabase("database", { name: name("database").replaceAll("-", "_") });
  new aws.glue.CatalogTable("stones", {
    name: "stones",
    databaseName: database.name,
    tableType: "EXTERNAL_TABLE",
    storageDescriptor: {
      location: pulumi.interpolate\`s3://\${bucket.bucket}/stones/\`,
      inputFormat: "org.apache.hadoop.mapred.TextInputFormat",
      outputFormat: "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
      serDeInfo: { serializationLibrary: "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe", parameters: { "field.delim": "," } },
      columns: [
        { name: "name", type: "string" },
        { name: "grams", type: "double" },
      ],
    },
  });
  const workgroup = new aws.athena.Workgroup("workgroup", {
    name: name("workgroup"),
    forceDestroy: true,
    configuration: {
      enforceWorkgroupConfiguration: true,
      publishCloudwatchMetricsEnabled: false,
      resultConfiguration: { outputLocation: pulumi.interpolate\`s3://\${bucket.bucket}/athena/\` },
    },
  });
  const role = new aws.iam.Role("functions", {
    name: name("functions"),
    assumeRolePolicy: {
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Action: "sts:AssumeRole", Principal: { Service: "lambda.amazonaws.com" } }],
    },
  });
  new aws.iam.RolePolicy("read", {
    role: role.name,
    policy: { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "s3:GetObject", Resource: pulumi.interpolate\`\${bucket.arn}/stones/*\` }] },
  });
  /* more */
  const functions = functionNames.map((each) => {
    const made = new aws.lambda.Function(each, {
      name: name(each),
      packageType: "Image",
      imageUri: images[each],
      role: role.arn,
      publish: true,
      timeout: 30,
      memorySize: 512,
      environment: { variables: { IMAGE_DIGEST: images[each]!.split("@")[1]! } },
    });
    const alias = new aws.lambda.Alias(each, { name: "live", functionName: made.name, functionVersion: made.version });
    return [each, alias.arn] as const;
  });
  const other = Object.fromEntries(
    ["rawBucket", "stageBucket", "objectMetadataTable", "executionHistoryTable", "datasetsTable", "metricsTable", "eventsTable",
      "artifactsTable", "dataSchemasTable", "arrivalsQueueUrl", "arrivalsDlqUrl", "backfillStateMachineArn"].map(
      (each) => [each, name("none")],
    ),
  );
  return {
    ...other,
    analyticsBucket: bucket.bucket,
    database: database.name,
    workgroup: workgroup.name,
    functions: Object.fromEntries(functions),
    images: Object.fromEntries(functionNames.map((each) => [each, images[each]])),
    datasets: {},
    region: aws.config.region,
    account: (await aws.getCallerIdentity()).accountId,
  };
};
`;
