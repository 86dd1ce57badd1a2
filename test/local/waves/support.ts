import { promises as fs } from "node:fs";
import * as path from "node:path";
import { stringify } from "yaml";
import { Workspace } from "../support/workspace";

/** What `deploy --json` and `destroy --json` tell of a stack. */
export interface StackDocument {
  stack: string;
  region: string;
  wave: number;
  status: string;
  why?: string;
  changes?: { create: number; update: number; delete: number; same: number };
  seconds?: number;
  error?: { code: string; message: string };
}

/** What they tell of an environment. */
export interface EnvironmentDocument {
  ok: boolean;
  error?: { code: string; message: string; next?: string };
  stacks: StackDocument[];
  checks: { stack: string; check: string; ok: boolean; found: string }[];
  rolledBack?: StackDocument[];
}

/** A deployment record as it lies beside the state. */
export interface RecordFile {
  event: "begin" | "end";
  kind?: string;
  run?: string;
  target?: { stack: string; wave: number };
  startedAt?: string;
  endedAt?: string;
  result?: string;
}

/**
 * A program that takes seconds: a table and a log group, and what the setting `tributary:fail` asks for: in these regions a
 * resource that AWS refuses.
 */
const program = `
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

async function program() {
  const region = pulumi.runtime.allConfig()["aws:region"] ?? "";
  const name = \`\${pulumi.getProject()}-\${pulumi.getStack().split(".")[0]}\`;
  const settings = new pulumi.Config("tributary");
  const { accountId } = await aws.getCallerIdentity();
  const group = new aws.cloudwatch.LogGroup("log", { name: \`/\${name}\`, retentionInDays: settings.getNumber("days") ?? 7 });
  const table = new aws.dynamodb.Table("table", {
    name: \`\${name}-things\`,
    attributes: [{ name: "id", type: "S" }],
    hashKey: "id",
    billingMode: "PAY_PER_REQUEST",
  });
  if (settings.get("bucket")) new aws.s3.Bucket("bucket", { bucket: \`\${name}-\${accountId}-\${region}\` });
  if (settings.get("fail")?.split(" ").includes(region))
    new aws.lambda.Alias("refused", { name: "live", functionName: \`\${name}-nothing\`, functionVersion: "1" });
  return { rawBucket: "none", table: table.name, group: group.name, region, account: accountId };
}

export = program;
`;

/** A copy of the checkout whose program is small, with the environments that a test gives it. */
export async function smallCheckout(name: string): Promise<Workspace> {
  const workspace = await Workspace.create(name);
  await fs.writeFile(path.join(workspace.root, "index.ts"), program);
  return workspace;
}

/** Writes a settings file of the local AWS, `Pulumi.<name>.yaml`. */
export async function writeSettings(
  workspace: Workspace,
  name: string,
  config: Record<string, unknown>,
): Promise<void> {
  await fs.writeFile(path.join(workspace.root, `Pulumi.${name}.yaml`), stringify({ config }));
}

/** All records of some stacks, in the order in which they were written. */
export async function recordsOf(
  workspace: Workspace,
  ...stacks: string[]
): Promise<(RecordFile & { stack: string })[]> {
  const folder = path.join(workspace.root, ".tributary/state/.tributary/records/tributary");
  const found = await Promise.all(
    stacks.map(async (stack) => {
      const names = await fs.readdir(path.join(folder, stack)).catch(() => [] as string[]);
      const texts = await Promise.all(names.map((name) => fs.readFile(path.join(folder, stack, name), "utf8")));
      return texts.map((text) => ({ ...(JSON.parse(text) as RecordFile), stack }));
    }),
  );
  const time = ({ startedAt, endedAt }: RecordFile) => Date.parse(endedAt ?? startedAt ?? "");
  return found.flat().sort((a, b) => time(a) - time(b));
}
