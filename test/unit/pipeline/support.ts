import { strict as assert } from "node:assert";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";
import type { Buildspec, PipelineModel, StageModel } from "../../../automation/pipeline/model";
import { buildspecText } from "../../../automation/pipeline/model";
import { runBuild, type BuildRequest } from "../../../automation/pipeline/run/build";
import type { BuildResult } from "../../../automation/pipeline/run/buildTypes";
import { BuildCache } from "../../../automation/pipeline/run/cache";
import { mkdir, writeFile } from "node:fs/promises";

/** A folder of its own for a test, removed at the end of the suite that made it. */
export async function temporaryFolder(): Promise<{ folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "tributary-pipeline-"));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** A buildspec of some phases' commands. */
export function spec(phases: Record<string, string[]>, more: Partial<Buildspec> = {}): Buildspec {
  const given = Object.fromEntries(Object.entries(phases).map(([name, commands]) => [name, { commands }]));
  return { version: 0.2, env: { shell: "bash" }, phases: given, ...more };
}

/** Runs a buildspec over a source folder with some files. */
export async function build(
  folder: string,
  buildspec: Buildspec,
  request: Partial<BuildRequest> = {},
  files: Record<string, string> = {},
): Promise<BuildResult & { text: string }> {
  const result = await runBuild({
    project: "test",
    buildspec: buildspecText(buildspec),
    identity: {
      pipeline: "lake",
      number: 7,
      revision: "c".repeat(40),
      repository: "/r",
      region: "us-east-1",
      account: "0".repeat(12),
    },
    variables: {},
    source: async (to) => {
      await mkdir(to, { recursive: true });
      for (const [name, text] of Object.entries(files)) await writeFile(path.join(to, name), text);
    },
    secondary: {},
    outputs: [],
    folder: path.join(folder, `build-${performance.now()}`),
    cache: new BuildCache(path.join(folder, "cache")),
    timeout: 60,
    signal: new AbortController().signal,
    patience: 1_000,
    onProgress: () => undefined,
    onGroup: () => undefined,
    ...request,
  });
  return { ...result, text: await readFile(result.log, "utf8") };
}

/** A pipeline of stages over one repository. */
export function pipeline(stages: StageModel[], more: Partial<PipelineModel> = {}): PipelineModel {
  return {
    name: "lake",
    kind: "application",
    description: "for a test",
    sources: [
      {
        kind: "repository",
        name: "Repository",
        artifact: "repository",
        namespace: "source",
        provider: "s3",
        repository: "b/k.zip",
      },
    ],
    triggers: [],
    variables: [],
    executionMode: "QUEUED",
    stages,
    ...more,
  };
}

/** A client of AWS whose answers are given by the name of the command. */
export function fake(answers: Record<string, (input: Record<string, unknown>) => unknown>) {
  const sent: { name: string; input: Record<string, unknown> }[] = [];
  const send = (command: { constructor: { name: string }; input: Record<string, unknown> }) => {
    const name = command.constructor.name.replace(/Command$/, "");
    sent.push({ name, input: command.input });
    const answer = answers[name];
    assert.ok(answer, `nobody expects ${name}`);
    return Promise.resolve().then(() => answer(command.input));
  };
  return { client: { send } as never, sent };
}

/** An error of AWS. */
export const named = (name: string, more: object = {}) => Object.assign(new Error(name), { name, ...more });
