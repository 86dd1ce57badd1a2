import path from "node:path";
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { silent } from "./automation/events";
import { packageCode } from "./automation/packaging";
import { NAMESPACE, readSettings, type Settings } from "./automation/settings";
import { Lake } from "./components/lake/Lake";
import type { Scope } from "./components/scope";
import { loadManifests } from "./layer/manifest";

/**
 * The program of every lake stack: settings, one lake, its outputs. `pulumi up` runs it, and so does the driver, as an
 * inline program.
 *
 * @throws user errors for wrong settings and manifests, before anything is created
 */
async function program() {
  const root = __dirname;
  const settings = readSettings(new pulumi.Config(NAMESPACE));
  const manifests = loadManifests(path.join(root, "datasets"));
  const [scope, code] = await Promise.all([scopeOf(settings), packageCode(root, silent)]);
  return new Lake("lake", { scope, settings, manifests, code }).outputs;
}

async function scopeOf({ project, env, stack, region }: Settings): Promise<Scope> {
  const [identity, partition] = await Promise.all([aws.getCallerIdentity(), aws.getPartition()]);
  const { partition: name, dnsSuffix } = partition;
  return { project, env, stack, region, account: identity.accountId, partition: name, dnsSuffix };
}

export = program;
