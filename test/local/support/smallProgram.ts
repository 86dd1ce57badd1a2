import { promises as fs } from "node:fs";
import * as path from "node:path";
import { stringify } from "yaml";
import type { Workspace } from "./workspace";

/** Resources of a cloud that the small program makes in each stack. */
export const resourcesOfSmallProgram = 17;

/**
 * A program of 17 resources of six services that take no time of their own, for tests and benchmarks about many stacks. Every
 * physical name begins with `<stack>-` (dots become hyphens), so that a list of the local AWS tells whose a resource is.
 * `broken.json` in the checkout lists stacks whose last resource is refused by the service. With the setting
 * `tributary:images` there is a function for each image, too.
 */
const program = `import { readFileSync } from "node:fs";
import * as path from "node:path";
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

function list(name: string): string[] {
  try {
    return JSON.parse(readFileSync(path.join(__dirname, name), "utf8")) as string[];
  } catch {
    return [];
  }
}

export = async () => {
  const stack = pulumi.getStack();
  const prefix = stack.replaceAll(".", "-");
  const table = new aws.dynamodb.Table("table", {
    name: prefix + "-table",
    attributes: [{ name: "id", type: "S" }],
    hashKey: "id",
    billingMode: "PAY_PER_REQUEST",
  });
  const bucket = new aws.s3.Bucket("bucket", { bucket: prefix + "-bucket", forceDestroy: true });
  for (let index = 0; index < 6; index++) {
    new aws.s3.BucketObjectv2("object" + index, { bucket: bucket.bucket, key: "object" + index, content: "CONTENT" });
  }
  for (let index = 0; index < 2; index++) {
    const role = new aws.iam.Role("role" + index, {
      name: prefix + "-role" + index,
      assumeRolePolicy: {
        Version: "2012-10-17",
        Statement: [{ Effect: "Allow", Action: "sts:AssumeRole", Principal: { Service: "lambda.amazonaws.com" } }],
      },
    });
    new aws.iam.RolePolicy("policy" + index, {
      role: role.name,
      policy: { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "dynamodb:GetItem", Resource: table.arn }] },
    });
    new aws.glue.CatalogDatabase("database" + index, { name: prefix + "-database" + index });
    new aws.ecr.Repository("repository" + index, { name: prefix + "-repository" + index, forceDelete: true });
  }
  new aws.athena.Workgroup("workgroup", {
    name: prefix + "-workgroup",
    forceDestroy: true,
    configuration: { enforceWorkgroupConfiguration: true, publishCloudwatchMetricsEnabled: false },
  });
  if (list("broken.json").includes(stack)) {
    new aws.dynamodb.Table(
      "broken",
      { name: prefix + "-broken", attributes: [{ name: "id", type: "S" }], hashKey: "id", billingMode: "NO_SUCH_MODE" },
      { dependsOn: table },
    );
  }
  const images = new pulumi.Config("tributary").getObject<Record<string, string>>("images");
  if (images === undefined) return { table: table.name };
  return { ...stub(prefix), table: table.name, images, functions: functions(prefix, images) };
};

/** One function for each image, so that an environment can be promoted. */
function functions(prefix: string, images: Record<string, string>) {
  const assumeRolePolicy = {
    Version: "2012-10-17" as const,
    Statement: [{ Effect: "Allow" as const, Action: "sts:AssumeRole", Principal: { Service: "lambda.amazonaws.com" } }],
  };
  const role = new aws.iam.Role("functions", { name: prefix + "-functions", assumeRolePolicy });
  return Object.fromEntries(
    Object.entries(images).map(([name, imageUri]) => {
      const made = new aws.lambda.Function(name, {
        name: prefix + "-" + name,
        packageType: "Image",
        imageUri,
        role: role.arn,
        publish: true,
      });
      const alias = new aws.lambda.Alias(name, { name: "live", functionName: made.name, functionVersion: made.version });
      return [name, alias.arn];
    }),
  );
}

/** Outputs that a lake has besides. */
function stub(prefix: string) {
  const names = ["rawBucket", "stageBucket", "analyticsBucket", "objectMetadataTable", "executionHistoryTable"];
  const others = [
    ...["datasetsTable", "metricsTable", "eventsTable", "artifactsTable", "dataSchemasTable", "database", "workgroup"],
    ...["arrivalsQueueUrl", "arrivalsDlqUrl", "backfillStateMachineArn"],
  ];
  const texts = Object.fromEntries([...names, ...others].map((name) => [name, prefix + "-" + name]));
  return { ...texts, datasets: {}, region: aws.config.region, account: prefix };
}
`;

/** Puts the small program in the place of a workspace's own. */
export async function useSmallProgram({ root }: Workspace, content = "first"): Promise<void> {
  await fs.writeFile(path.join(root, "index.ts"), program.replace("CONTENT", content));
}

/** Names the stacks that are to fail. */
export async function breakStacks({ root }: Workspace, stacks: string[]): Promise<void> {
  await fs.writeFile(path.join(root, "broken.json"), JSON.stringify(stacks));
}

/** Regions that tests use; the local AWS keeps each apart. */
export const regions = [
  ...["eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1", "eu-north-1", "eu-south-1"],
  ...["us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1"],
  ...["ap-south-1", "ap-south-2", "ap-east-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3"],
  ...["ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "me-south-1", "me-central-1"],
  ...["af-south-1", "il-central-1", "eu-central-2", "eu-south-2", "ca-west-1", "mx-central-1"],
];

/** AWS provider's settings for the local AWS. */
export const localProvider = {
  "aws:s3UsePathStyle": "true",
  "aws:skipCredentialsValidation": "true",
  "aws:skipMetadataApiCheck": "true",
  "aws:skipRegionValidation": "true",
};

/** Writes the settings file of an environment that the local AWS serves. */
export async function writeEnvironment(
  { root }: Workspace,
  env: string,
  waves: string[][],
  settings: Record<string, unknown> = {},
): Promise<void> {
  const config = {
    "aws:region": waves[0]![0],
    ...localProvider,
    "tributary:target": "local",
    "tributary:waves": waves,
    ...settings,
  };
  await fs.writeFile(path.join(root, `Pulumi.${env}.yaml`), stringify({ config }));
}
