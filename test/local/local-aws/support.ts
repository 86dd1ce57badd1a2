import { promises as fs } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { IAMClient } from "@aws-sdk/client-iam";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { S3Client } from "@aws-sdk/client-s3";
import { SQSClient } from "@aws-sdk/client-sqs";
import { buildSync } from "esbuild";
import { execa } from "execa";
import type { LocalAws } from "../../../automation/local";
import { eraseLocalAws, localClientSettings, localHttpsAgent } from "../../../automation/local";
import { findPython } from "../../../automation/local/python";

/** Trust policy of a role for functions. */
export const ASSUMABLE = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" }],
});

/** Folders that stand for checkouts; `removeAll` erases their local AWS and then them. */
export class Roots {
  private readonly made: string[] = [];

  /** A new one. */
  async create(): Promise<string> {
    const root = await fs.realpath(await fs.mkdtemp(path.join(os.tmpdir(), "tributary-local-aws-")));
    this.made.push(root);
    return root;
  }

  async removeAll(): Promise<void> {
    for (const root of this.made) {
      await eraseLocalAws(root);
      await fs.rm(root, { recursive: true, force: true });
    }
  }
}

/** Clients of a local AWS, as its root user. */
export async function clientsOf(aws: LocalAws) {
  const options = localClientSettings(aws, await localHttpsAgent(aws));
  return {
    s3: new S3Client({ ...options, forcePathStyle: true }),
    iam: new IAMClient(options),
    lambda: new LambdaClient(options),
    sqs: new SQSClient({ ...options, useQueueUrlAsEndpoint: false }),
    dynamodb: new DynamoDBClient(options),
    options,
  };
}

/** TypeScript source of a handler as a function archive, with what it imports. */
export async function functionArchive(source: string): Promise<Uint8Array> {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), "tributary-archive-"));
  try {
    buildSync({
      stdin: { contents: source, resolveDir: __dirname, loader: "ts" },
      bundle: true,
      platform: "node",
      target: "node20",
      outfile: path.join(folder, "index.js"),
    });
    const python = (await findPython()).executable;
    await execa(python, ["-m", "zipfile", "-c", "code.zip", "index.js"], { cwd: folder });
    return await fs.readFile(path.join(folder, "code.zip"));
  } finally {
    await fs.rm(folder, { recursive: true, force: true });
  }
}

/** Ids of all processes whose command line or environment names `text`; Linux only. */
export async function processesNaming(text: string): Promise<number[]> {
  const ids = (await fs.readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const naming: number[] = [];
  for (const id of ids) {
    const read = (file: string) => fs.readFile(`/proc/${id}/${file}`, "utf8").catch(() => "");
    if (id !== process.pid && `${await read("cmdline")}${await read("environ")}`.includes(text)) {
      naming.push(id);
    }
  }
  return naming;
}
