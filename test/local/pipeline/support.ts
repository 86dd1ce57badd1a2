import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import * as path from "node:path";
import { stringify } from "yaml";
import type { Report } from "../../../automation/pipeline/reports";
import { localProvider } from "../support/smallProgram";
import { Workspace } from "../support/workspace";
import { application } from "./program";

/** What `pipeline run --json` prints of an action. */
export interface RanAction {
  name: string;
  status: string;
  seconds?: number;
  why?: string;
  approvedBy?: string;
  phases?: { phase: string; status: string; seconds: number; context?: string }[];
  reports?: Report[];
  exported?: Record<string, string>;
}

/** What it prints of a run. */
export interface Ran {
  id: string;
  pipeline: string;
  status: string;
  revision: string;
  seconds: number;
  stages: { name: string; status: string; why?: string; actions: RanAction[] }[];
}

/** Its document. */
export interface RanDocument {
  ok: boolean;
  runs: Ran[];
  error?: { code: string; message: string; next: string };
}

/** The tests that pipelines run here: one file, so that they take no time of their own. */
export const testFile = "test/unit/layer/chunk.test.ts";

/**
 * A checkout whose two environments are on the local AWS and run images, with a pipeline that delivers to both, one after the
 * other; committed, as pipelines need it. See {@link application}.
 */
export async function deliveryWorkspace(): Promise<Workspace> {
  const workspace = await Workspace.create("delivery");
  const { root } = workspace;
  for (const env of ["dev", "prod"]) await fs.rm(path.join(root, `Pulumi.${env}.yaml`), { force: true });
  await fs.rename(path.join(root, "index.ts"), path.join(root, "images-program.ts"));
  await fs.writeFile(path.join(root, "index.ts"), application);
  await Promise.all(["one", "two"].map((env) => writeSettings(root, env)));
  await writeDelivery(root);
  await commit(workspace, "a lake in small with two environments");
  return workspace;
}

async function writeSettings(root: string, env: string): Promise<void> {
  const local = { lifecycle: "false", lanes: 1, tracing: "false", keyDeletionWindow: "7 days", forceDestroy: "true" };
  const own = {
    target: "local",
    packaging: "image",
    images: { stack: "images.local" },
    deletionProtection: "false",
    retention: { logs: "7 days" },
    approval: "broadening",
    checks: [{ query: "select count(*) as n from stones", expect: 2 }],
  };
  const keys = Object.entries({ ...local, ...own }).map(([key, value]) => [`tributary:${key}`, value]);
  const config = { "aws:region": "us-east-1", ...localProvider, ...Object.fromEntries(keys) };
  await fs.writeFile(path.join(root, `Pulumi.${env}.yaml`), stringify({ config }));
}

/** Writes Pulumi.delivery.yaml. @param verify what the environment `one` is asked after its deployment */
export async function writeDelivery(root: string, verify: object[] = []): Promise<void> {
  const mocha = "npx mocha --no-config --require ./bin/typescript.js --extension ts --reporter xunit";
  const command = `${mocha} --reporter-options output=reports/unit.xml ${testFile}`;
  const config = {
    "aws:region": "us-east-1",
    "tributary:repositories": { lake: { provider: "s3", repository: "sources/lake.zip" } },
    "tributary:environments": { one: verify.length > 0 ? { verify } : {}, two: {} },
    "tributary:pipelines": {
      lake: { repository: "lake", waves: [["one"], ["two"]], test: { command, coverage: false } },
    },
  };
  await fs.writeFile(path.join(root, "Pulumi.delivery.yaml"), stringify({ config }));
}

/** Commits everything that lies in a workspace. */
export async function commit(workspace: Workspace, message: string): Promise<void> {
  const identity = "-c user.name=somebody -c user.email=somebody@example.com";
  const { code, stderr } = await workspace.shell(`git add -A && git ${identity} commit -qm "${message}"`);
  assert.equal(code, 0, stderr);
}

/** Undoes the last commit and its files. */
export async function revert(workspace: Workspace): Promise<void> {
  await workspace.shell("git reset -q --hard HEAD~1 && git clean -qfd");
}

/** Runs a pipeline on this machine. */
export function runPipeline(workspace: Workspace, args: string[], expectedCode = 0): Promise<RanDocument> {
  return workspace.json<RanDocument>(["pipeline", "run", ...args, "--local"], expectedCode);
}

/** An action of a run. */
export function actionOf(run: Ran | undefined, stage: string, name: string): RanAction {
  const found = run?.stages.find((each) => each.name === stage)?.actions.find((action) => action.name === name);
  assert.ok(found, `the run has no action ${stage}: ${name}: ${JSON.stringify(run?.stages)}`);
  return found;
}

/** What became of every stage, e.g. `Build FAILED`. */
export function stagesOf(run: Ran | undefined): string[] {
  return (run?.stages ?? []).map(({ name, status }) => `${name} ${status}`);
}
