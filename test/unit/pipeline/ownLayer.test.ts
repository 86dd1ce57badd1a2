import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import * as path from "node:path";
import { libraryContext } from "../../../automation/library";
import type { BuildAction } from "../../../automation/pipeline/model";
import { beginRun, findSource, runLocally } from "../../../automation/pipeline/run";
import { fails } from "../support/fails";
import { pipeline, spec, temporaryFolder } from "./support";

const build = (name: string, commands: string[], more: Partial<BuildAction>): BuildAction => ({
  kind: "build",
  name,
  runOrder: 1,
  project: name,
  buildspec: spec({ build: commands }, more.outputs ? { artifacts: { files: ["out/**/*"] } } : {}),
  inputs: ["repository"],
  outputs: [],
  variables: {},
  role: { kind: "test" },
  compute: "small",
  privileged: false,
  timeout: "5 minutes",
  reports: [],
  ...more,
});

const published = {
  kind: "published",
  name: "Layer",
  artifact: "layer",
  namespace: "published",
  pipeline: "lake-layer",
  key: "p",
} as const;

describe("a layer's own repository on this machine", () => {
  let folder: string;
  let remove: () => Promise<void>;
  const root = () => path.join(folder, "lake");
  const platform = () => path.join(folder, "platform");

  async function commit(where: string, branch: string, name: string, text: string): Promise<void> {
    await mkdir(where);
    await writeFile(path.join(where, name), text);
    const git = (...args: string[]) =>
      execFileSync("git", ["-C", where, "-c", "user.name=a", "-c", "user.email=a@example.com", ...args]);
    git("init", "-q", "-b", branch);
    git("add", "-A");
    git("commit", "-q", "-m", "first");
  }

  before(async () => {
    ({ folder, remove } = await temporaryFolder());
    await commit(root(), "main", "committed", "yes");
    await commit(platform(), "stable", "digest", "sha256:of-platform");
  });
  after(() => remove());

  const layer = pipeline(
    [
      {
        name: "Build",
        actions: [
          build("layer", ["mkdir out && cp digest out/", "test ! -e committed"], {
            outputs: ["layer"],
            role: { kind: "layer" },
          }),
        ],
      },
      { name: "Publish", actions: [{ kind: "publish", name: "publish", runOrder: 1, input: "layer", key: "p" }] },
    ],
    {
      name: "lake-layer",
      sources: pipeline([]).sources.map((each) => ({ ...each, repository: "acme/platform", apart: "platform" })),
    },
  );
  const use = ['test "$(cat $CODEBUILD_SRC_DIR_layer/out/digest)" = sha256:of-platform', "test -f committed"];
  const application = pipeline([{ name: "Use", actions: [build("use", use, { inputs: ["repository", "layer"] })] }], {
    sources: [published, ...pipeline([]).sources],
    triggers: [{ on: "published", source: "Layer" }],
  });

  it("has to be named", async () => {
    const source = await findSource(root(), "HEAD");
    const { message, next } = (await fails(
      beginRun(root(), { model: layer, source, variables: {} }),
      "PipelineSourceUnknown",
    )) as Error & { next?: string };
    assert.match(message, /lake-layer takes its source from the repository platform \(acme\/platform\)/);
    assert.match(next ?? "", /--repository platform=/);
  });

  it("is built, and what it published goes into the application of the other repository", async () => {
    const source = await findSource(root(), "HEAD");
    const apart = { platform: await findSource(platform(), "HEAD") };
    const first = await beginRun(root(), { model: layer, source, apart, variables: {} });
    assert.deepEqual([first.definition, first.namespaces.source?.BranchName], [source, "stable"]);
    const runs = await runLocally(libraryContext(root()), first, [layer, application], source, {
      approve: [],
      who: "git:a@example.com",
      variables: {},
      alone: false,
      patience: 500,
    });
    assert.deepEqual(
      runs.map(({ pipeline: name, status }) => `${name} ${status}`),
      ["lake-layer SUCCEEDED", "lake SUCCEEDED"],
      JSON.stringify(runs.map(({ stages }) => stages)),
    );
    // Going on with it later needs to know who defines the pipelines; of the application that is its source.
    assert.equal(runs[1]?.definition, undefined);
  });
});
