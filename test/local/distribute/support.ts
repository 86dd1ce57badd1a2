import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import * as path from "node:path";
import { parse, stringify } from "yaml";
import { findLocalAws, localClientSettings, localHttpsAgent } from "../../../automation/local";
import { pipelinesOf, readDelivery } from "../../../automation/pipeline/model";
import { writeEnvironment } from "../support/smallProgram";
import { Workspace, type CommandResult } from "../support/workspace";
import { program } from "./program";

/** The first is the environment's own. */
export const regions = ["eu-west-1", "us-east-1"] as const;

/** A checkout whose environment `dev` is deployed to the local AWS: what the examples work on, and no lake. */
export async function deployedWorkspace(): Promise<Workspace> {
  const workspace = await Workspace.create("distribute");
  await fs.writeFile(path.join(workspace.root, "index.ts"), program);
  await writeEnvironment(workspace, "dev", [[regions[0]]]);
  await workspace.json(["deploy", "dev"]);
  return workspace;
}

/** Settings of SDK clients for the local AWS of a workspace, in a region. */
export type ClientsOf = (region?: string) => ReturnType<typeof localClientSettings> & { region: string };

/** Connects to the local AWS of a workspace. */
export async function connect(workspace: Workspace): Promise<{ of: ClientsOf; close(): void }> {
  const aws = await findLocalAws(workspace.root);
  assert.ok(aws, "the local AWS runs");
  const agent = await localHttpsAgent(aws);
  const settings = localClientSettings(aws, agent);
  return { of: (region = regions[0]) => ({ ...settings, region }), close: () => agent.destroy() };
}

/** The command of an example's step, as a pipeline would run it: made from the settings that the example's README shows. */
export async function commandOf(workspace: Workspace, example: string): Promise<string> {
  const readme = await fs.readFile(path.join(workspace.root, "docs/examples", example, "README.md"), "utf8");
  const { steps } = parse(/```yaml\n([\s\S]+?)```/.exec(readme)![1]!) as { steps: object[] };
  assert.equal(steps.length, 1, example);
  const config = {
    "aws:region": regions[0],
    "tributary:repositories": { app: { provider: "s3", repository: "sources/app.zip" } },
    "tributary:environments": { dev: { steps } },
    "tributary:pipelines": { lake: { repository: "app", waves: [["dev"]], layer: false } },
  };
  const [model] = pipelinesOf(readDelivery(stringify({ config })));
  const actions = model!.stages.find(({ name }) => name === "dev-deploy")!.actions;
  const builds = actions.filter((action) => action.kind === "build" && !/^(deploy|verify)-/.test(action.name));
  const commands = builds.flatMap((action) => (action.kind === "build" ? action.buildspec.phases.build!.commands : []));
  assert.equal(commands.length, 1, example);
  return commands[0]!;
}

/** Runs a step's command and reads what it prints. */
export async function runStep<T>(workspace: Workspace, command: string, expectedCode = 0): Promise<T> {
  const result: CommandResult = await workspace.shell(`${command} --json`);
  assert.equal(result.code, expectedCode, `${command}\n${result.stdout}\n${result.stderr}`);
  return JSON.parse(result.stdout) as T;
}
