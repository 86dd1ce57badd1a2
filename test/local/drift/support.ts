import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import * as path from "node:path";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { IAMClient } from "@aws-sdk/client-iam";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { S3Client } from "@aws-sdk/client-s3";
import { findLocalAws, localClientSettings, localHttpsAgent } from "../../../automation/local";
import { Workspace } from "../support/workspace";

/** A copy of the checkout whose program is the small one of these tests. */
export async function smallWorkspace(name: string): Promise<Workspace> {
  const workspace = await Workspace.create(name);
  await fs.copyFile(path.join(__dirname, "program.ts"), path.join(workspace.root, "index.ts"));
  return workspace;
}

/** Clients of a workspace's local AWS, to look at it and to change things by hand; to be closed. */
export async function clientsOf({ root }: Workspace) {
  const aws = await findLocalAws(root);
  assert.ok(aws, "the local AWS does not run");
  const agent = await localHttpsAgent(aws);
  const settings = localClientSettings(aws, agent);
  const s3 = new S3Client({ ...settings, forcePathStyle: true });
  const [lambda, dynamodb, iam] = [new LambdaClient(settings), new DynamoDBClient(settings), new IAMClient(settings)];
  const close = () => [s3, lambda, dynamodb, iam, agent].forEach((each) => each.destroy());
  return { s3, lambda, dynamodb, iam, close };
}
