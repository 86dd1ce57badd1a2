import { promises as fs } from "node:fs";
import * as path from "node:path";
import { AthenaClient, ListWorkGroupsCommand } from "@aws-sdk/client-athena";
import { DynamoDBClient, ListTablesCommand } from "@aws-sdk/client-dynamodb";
import { DescribeRepositoriesCommand, ECRClient } from "@aws-sdk/client-ecr";
import { GetDatabasesCommand, GlueClient } from "@aws-sdk/client-glue";
import { IAMClient, ListRolePoliciesCommand, ListRolesCommand } from "@aws-sdk/client-iam";
import { LambdaClient, ListFunctionsCommand } from "@aws-sdk/client-lambda";
import { ListBucketsCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { findLocalAws, localAwsAs, localClientSettings, localHttpsAgent } from "../../../automation/local";

/** A resource as the local AWS lists it: `<type of Pulumi> <region, where it has one> <physical name>`. */
export type Listed = string;

/**
 * What the local AWS itself lists of the small program's resources, whatever anybody's state says. Sorted.
 *
 * @param root the checkout that it belongs to
 * @param regions those to look into
 * @param account whose resources; undefined: the local AWS's first
 */
export async function listed(root: string, regions: string[], account?: string): Promise<Listed[]> {
  const found = await findLocalAws(root);
  if (!found) return [];
  const aws = localAwsAs(found, account);
  const agent = await localHttpsAgent(aws);
  const settings = (region: string) => ({
    ...localClientSettings({ ...aws, region }, agent),
    // S3 in path style: one host serves all buckets.
    forcePathStyle: true,
    followRegionRedirects: true,
  });
  try {
    const regional = await Promise.all(regions.map((region) => inRegion(region, settings(region))));
    return [...regional.flat(), ...(await everywhere(settings(regions[0]!)))].sort();
  } finally {
    agent.destroy();
  }
}

type Settings = ReturnType<typeof localClientSettings> & { forcePathStyle: boolean; followRegionRedirects: boolean };

async function inRegion(region: string, settings: Settings): Promise<Listed[]> {
  const [tables, databases, repositories, workgroups, functions] = await Promise.all([
    new DynamoDBClient(settings).send(new ListTablesCommand({})),
    new GlueClient(settings).send(new GetDatabasesCommand({})),
    new ECRClient(settings).send(new DescribeRepositoriesCommand({})),
    new AthenaClient(settings).send(new ListWorkGroupsCommand({})),
    new LambdaClient(settings).send(new ListFunctionsCommand({})),
  ]);
  return [
    ...(tables.TableNames ?? []).map((name) => `aws:dynamodb/table:Table ${region} ${name}`),
    ...(databases.DatabaseList ?? []).map(({ Name }) => `aws:glue/catalogDatabase:CatalogDatabase ${region} ${Name}`),
    ...(repositories.repositories ?? []).map(
      (each) => `aws:ecr/repository:Repository ${region} ${each.repositoryName}`,
    ),
    ...(workgroups.WorkGroups ?? [])
      .filter(({ Name }) => Name !== "primary")
      .map(({ Name }) => `aws:athena/workgroup:Workgroup ${region} ${Name}`),
    ...(functions.Functions ?? []).map(({ FunctionName }) => `aws:lambda/function:Function ${region} ${FunctionName}`),
  ];
}

/** What has no region in its address: roles with their policies, and buckets with their objects. */
async function everywhere(settings: Settings): Promise<Listed[]> {
  const iam = new IAMClient(settings);
  const s3 = new S3Client(settings);
  const { Roles = [] } = await iam.send(new ListRolesCommand({}));
  const roles = await Promise.all(
    Roles.map(async ({ RoleName }) => {
      const { PolicyNames = [] } = await iam.send(new ListRolePoliciesCommand({ RoleName }));
      return [
        `aws:iam/role:Role - ${RoleName}`,
        ...PolicyNames.map((name) => `aws:iam/rolePolicy:RolePolicy - ${RoleName}:${name}`),
      ];
    }),
  );
  const { Buckets = [] } = await s3.send(new ListBucketsCommand({}));
  const buckets = await Promise.all(
    Buckets.map(async ({ Name }) => {
      const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: Name }));
      return [
        `aws:s3/bucket:Bucket - ${Name}`,
        ...Contents.map(({ Key }) => `aws:s3/bucketObjectv2:BucketObjectv2 - ${Name}/${Key}`),
      ];
    }),
  );
  return [...roles.flat(), ...buckets.flat()];
}

/** The same, as the engine's recorded state has it. Sorted. */
export async function recorded(root: string, stacks: { name: string; region: string }[]): Promise<Listed[]> {
  const found = await Promise.all(stacks.map((stack) => inState(root, stack)));
  return found.flat().sort();
}

const withoutRegion = /^aws:(iam|s3)\//;

interface StateResource {
  type: string;
  id?: string;
  delete?: boolean;
  outputs?: { bucket?: string; key?: string };
}

async function inState(root: string, { name, region }: { name: string; region: string }): Promise<Listed[]> {
  const file = path.join(root, ".tributary", "state", ".pulumi", "stacks", "tributary", `${name}.json`);
  const text = await fs.readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return [];
  const { checkpoint } = JSON.parse(text) as { checkpoint: { latest?: { resources?: StateResource[] } } };
  return (checkpoint.latest?.resources ?? []).flatMap(({ type, id = "", outputs = {} }) => {
    // An alias is a part of its function.
    if (!type.startsWith("aws:") || type.startsWith("aws:lambda/alias:")) return [];
    const physical = type.includes("bucketObject") ? `${outputs.bucket}/${outputs.key}` : id.replace(/^\d{12}:/, "");
    return [`${type} ${withoutRegion.test(type) ? "-" : region} ${physical}`];
  });
}
