import { readFileSync } from "node:fs";
import * as path from "node:path";
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/** What the tests of rollback deploy instead of a lake. Stands in for index.ts; `version.txt` is written by the tests. */
async function program() {
  const version = readFileSync(path.join(__dirname, "version.txt"), "utf8");
  const bucket = `rolled-${pulumi.getStack().replaceAll(".", "-")}`;
  const level = new pulumi.Config("tributary").get("logLevel") ?? "none";
  const files = new aws.s3.Bucket("files", { bucket, forceDestroy: true, tags: { what: `${version} ${level}` } });
  return { bucket: files.bucket };
}

export = program;
